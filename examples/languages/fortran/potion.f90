! SPDX-License-Identifier: BSD-2-Clause
! ./potion HEADS KV_HEADS SEQ HEAD_DIM SEED
! C's q (heads, seq, head_dim), last index fastest, is Fortran's q(head_dim, seq, heads): the same memory.
program potion
  use decoct
  implicit none
  character(*), parameter :: text = "Sarah lies still on the bed, feeling"
  type(c_ptr) :: ctx = c_null_ptr
  integer(c_int64_t) :: n(5)
  character(20) :: argument
  integer :: i

  n = 0
  do i = 1, min(5, command_argument_count())
    call get_command_argument(i, argument)
    read (argument, *) n(i)
  end do
  call need(decoct_context_open(c_null_ptr, ctx))
  print '(z16.16)', attention(n(1), n(2), n(3), n(4), n(5))
  print '(2a)', text, next_word()
  call decoct_context_close(ctx)

contains

  subroutine need(status)
    integer(c_int32_t), intent(in) :: status
    character(c_char), pointer :: message(:)
    if (status == 0) return
    call c_f_pointer(decoct_last_error(ctx), message, [4096])
    write (0, '(*(a))') message(:findloc(message, c_null_char, 1) - 1)
    stop 1
  end subroutine

  integer(c_int64_t) function attention(heads, kv_heads, seq, dim, seed) result(hash)
    integer(c_int64_t), intent(in) :: heads, kv_heads, seq, dim, seed
    real(c_float), allocatable :: q(:, :, :), k(:, :, :), v(:, :, :), out(:, :, :)
    integer(c_int8_t), allocatable :: bytes(:)
    integer(c_int64_t) :: state, at
    allocate (q(dim, seq, heads), k(dim, seq, kv_heads), v(dim, seq, kv_heads))
    allocate (out(dim, seq, heads), bytes(4 * dim * seq * heads))
    state = seed
    call fill(size(q), q, state)
    call fill(size(k), k, state)
    call fill(size(v), v, state)
    call need(decoct_attention_dense(ctx, 1_c_int64_t, heads, kv_heads, seq, seq, dim, 1, q, k, v, out))
    bytes = transfer(out, [0_c_int8_t])
    hash = -3750763034362895579_c_int64_t ! cbf29ce484222325; -fwrapv makes products wrap around
    do at = 1, size(bytes)
      hash = ieor(hash, iand(int(bytes(at), c_int64_t), 255_c_int64_t)) * 1099511628211_c_int64_t
    end do
  end function

  subroutine fill(count, x, state)
    integer, intent(in) :: count
    real(c_float), intent(out) :: x(count)
    integer(c_int64_t), intent(inout) :: state
    integer :: at
    do at = 1, count
      state = mod(state * 48271, 2147483647_c_int64_t)
      x(at) = real(mod(state, 65536_c_int64_t), c_float) / 32768 - 1
    end do
  end subroutine

  function next_word() result(word)
    character(:), allocatable :: word
    character(4096) :: folder
    character(64) :: buffer
    type(c_ptr) :: model, session
    integer(c_int64_t) :: length, tokens
    integer(c_int32_t) :: ids(len(text)), best(1)
    real(c_float), allocatable :: logits(:)
    call need(decoct_default_model(ctx, folder, len(folder, c_int64_t), length))
    call need(decoct_model_open(ctx, folder, model))
    call need(decoct_encode(ctx, model, text, len(text, c_int64_t), ids, size(ids, kind=c_int64_t), tokens))
    call need(decoct_session_create(ctx, model, 0_c_int64_t, session))
    allocate (logits(decoct_model_vocabulary(model)))
    call need(decoct_session_eval(ctx, session, ids, tokens, 0, logits))
    best = maxloc(logits) - 1 ! ids count from 0
    call need(decoct_decode(ctx, model, best, 1_c_int64_t, buffer, len(buffer, c_int64_t), length))
    word = buffer(:length)
    call decoct_session_destroy(session)
    call decoct_model_close(model)
  end function
end program
