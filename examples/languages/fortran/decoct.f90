! SPDX-License-Identifier: BSD-2-Clause
! The functions of Decoct that potion.f90 calls. An argument that C takes as a pointer to a number or an
! array is passed by reference, Fortran's way; all others have the attribute `value`.
module decoct
  use, intrinsic :: iso_c_binding
  implicit none
  interface
    integer(c_int32_t) function decoct_context_open(options, ctx) bind(c)
      import
      type(c_ptr), value :: options
      type(c_ptr), intent(out) :: ctx
    end function
    subroutine decoct_context_close(ctx) bind(c)
      import
      type(c_ptr), value :: ctx
    end subroutine
    type(c_ptr) function decoct_last_error(ctx) bind(c)
      import
      type(c_ptr), value :: ctx
    end function
    integer(c_int32_t) function decoct_attention_dense(ctx, batch, heads, kv_heads, q_len, kv_len, &
        head_dim, causal, q, k, v, out) bind(c)
      import
      type(c_ptr), value :: ctx
      integer(c_int64_t), value :: batch, heads, kv_heads, q_len, kv_len, head_dim
      integer(c_int32_t), value :: causal
      real(c_float), intent(in) :: q(*), k(*), v(*)
      real(c_float), intent(inout) :: out(*)
    end function
    integer(c_int32_t) function decoct_default_model(ctx, path, size, length) bind(c)
      import
      type(c_ptr), value :: ctx
      character(c_char), intent(inout) :: path(*)
      integer(c_int64_t), value :: size
      integer(c_int64_t), intent(out) :: length
    end function
    integer(c_int32_t) function decoct_model_open(ctx, folder, model) bind(c)
      import
      type(c_ptr), value :: ctx
      character(c_char), intent(in) :: folder(*)
      type(c_ptr), intent(out) :: model
    end function
    subroutine decoct_model_close(model) bind(c)
      import
      type(c_ptr), value :: model
    end subroutine
    integer(c_int64_t) function decoct_model_vocabulary(model) bind(c)
      import
      type(c_ptr), value :: model
    end function
    integer(c_int32_t) function decoct_encode(ctx, model, text, length, ids, room, count) bind(c)
      import
      type(c_ptr), value :: ctx, model
      character(c_char), intent(in) :: text(*)
      integer(c_int64_t), value :: length, room
      integer(c_int32_t), intent(inout) :: ids(*)
      integer(c_int64_t), intent(out) :: count
    end function
    integer(c_int32_t) function decoct_decode(ctx, model, ids, count, text, room, length) bind(c)
      import
      type(c_ptr), value :: ctx, model
      integer(c_int32_t), intent(in) :: ids(*)
      integer(c_int64_t), value :: count, room
      character(c_char), intent(inout) :: text(*)
      integer(c_int64_t), intent(out) :: length
    end function
    integer(c_int32_t) function decoct_session_create(ctx, model, tokens, session) bind(c)
      import
      type(c_ptr), value :: ctx, model
      integer(c_int64_t), value :: tokens
      type(c_ptr), intent(out) :: session
    end function
    subroutine decoct_session_destroy(session) bind(c)
      import
      type(c_ptr), value :: session
    end subroutine
    integer(c_int32_t) function decoct_session_eval(ctx, session, ids, count, all, logits) bind(c)
      import
      type(c_ptr), value :: ctx, session
      integer(c_int32_t), intent(in) :: ids(*)
      integer(c_int64_t), value :: count
      integer(c_int32_t), value :: all
      real(c_float), intent(inout) :: logits(*)
    end function
  end interface
end module
