! SPDX-License-Identifier: BSD-2-Clause
! ./bench CALLS PRODUCTS ATTENTIONS
program bench
  use decoct
  implicit none
  integer(c_int64_t), parameter :: heads = 12, seq = 128, dim = 64, one = 1, side = 16
  interface
    integer(c_int32_t) function decoct_version() bind(c)
      import
    end function
    integer(c_int32_t) function decoct_matmul_dense(ctx, m, n, k, x, b, transposed, bias, y) bind(c)
      import
      type(c_ptr), value :: ctx, bias
      integer(c_int64_t), value :: m, n, k
      integer(c_int32_t), value :: transposed
      real(c_float), intent(in) :: x(*), b(*)
      real(c_float), intent(inout) :: y(*)
    end function
  end interface
  type(c_ptr) :: ctx
  integer(c_int64_t) :: n(3), i
  integer(c_int32_t) :: failed
  character(20) :: argument
  real(c_float), allocatable :: x(:), out(:)
  allocate (x(heads * seq * dim), out(heads * seq * dim))
  x = 0.5
  do i = 1, 3
    call get_command_argument(int(i), argument)
    read (argument, *) n(i)
  end do
  failed = decoct_context_open(c_null_ptr, ctx)
  do i = 1, n(1)
    if (decoct_version() == 0) failed = 1
  end do
  do i = 1, n(2)
    failed = ior(failed, decoct_matmul_dense(ctx, side, side, side, x, x, 0, c_null_ptr, out))
  end do
  do i = 1, n(3)
    failed = ior(failed, decoct_attention_dense(ctx, one, heads, heads, seq, seq, dim, 1, x, x, x, out))
  end do
  call decoct_context_close(ctx)
  if (failed /= 0) stop 1
end program
