;;; SPDX-License-Identifier: BSD-2-Clause
;;; sbcl --script bench.lisp CALLS PRODUCTS ATTENTIONS
(load-shared-object "libdecoct.so.0")

(defmacro c (name (&rest types) &rest arguments)
  `(alien-funcall (extern-alien ,name (function ,@types)) ,@arguments))

(defun bench (calls products attentions)
  (declare (fixnum calls products attentions) (optimize speed))
  (let* ((size (* 12 128 64)) (handle (make-array 1 :element-type '(unsigned-byte 64)))
         (from (make-array size :element-type 'single-float :initial-element 0.5))
         (to (make-array size :element-type 'single-float)) (good t))
    (sb-sys:with-pinned-objects (handle from to)
      (let ((null (sb-sys:int-sap 0)) (x (sb-sys:vector-sap from)) (y (sb-sys:vector-sap to)) context)
        (setf good (zerop (c "decoct_context_open" (int system-area-pointer system-area-pointer)
                             null (sb-sys:vector-sap handle)))
              context (sb-sys:int-sap (aref handle 0)))
        (dotimes (i calls)
          (when (zerop (c "decoct_version" ((unsigned 32)))) (setf good nil)))
        (dotimes (i products)
          (unless (zerop (c "decoct_matmul_dense"
                            (int system-area-pointer (signed 64) (signed 64) (signed 64) system-area-pointer
                                 system-area-pointer int system-area-pointer system-area-pointer)
                            context 16 16 16 x x 0 null y))
            (setf good nil)))
        (dotimes (i attentions)
          (unless (zerop (c "decoct_attention_dense"
                            (int system-area-pointer (signed 64) (signed 64) (signed 64) (signed 64) (signed 64)
                                 (signed 64) int system-area-pointer system-area-pointer system-area-pointer
                                 system-area-pointer)
                            context 1 12 12 128 128 64 1 x x x y))
            (setf good nil)))))
    good))

(exit :code (if (apply #'bench (mapcar #'parse-integer (rest *posix-argv*))) 0 1) :abort t)
