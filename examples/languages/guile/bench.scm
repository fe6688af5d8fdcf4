;; SPDX-License-Identifier: BSD-2-Clause
;; guile bench.scm CALLS PRODUCTS ATTENTIONS
(use-modules (system foreign) (system foreign-library) (srfi srfi-4))

(define (c name result . arguments)
  (foreign-library-function "libdecoct.so.0" (string-append "decoct_" name)
                            #:return-type result #:arg-types arguments))
(define version (c "version" uint32))
(define context-open (c "context_open" int32 '* '*))
(define matmul-dense (c "matmul_dense" int32 '* int64 int64 int64 '* '* int32 '* '*))
(define attention-dense
  (c "attention_dense" int32 '* int64 int64 int64 int64 int64 int64 int32 '* '* '* '*))

(define-syntax-rule (repeat count good)
  (do ((i count (- i 1))) ((= i 0)) (unless good (exit 1))))

(let* ((n (map string->number (cdr (command-line)))) (size (* 12 128 64)) (handle (make-u64vector 1 0))
       (from (make-f32vector size 0.5)) (to (make-f32vector size)))
  (unless (zero? (context-open %null-pointer (bytevector->pointer handle))) (exit 1))
  (let ((context (make-pointer (u64vector-ref handle 0))) (x (bytevector->pointer from))
        (y (bytevector->pointer to)))
    (repeat (car n) (positive? (version)))
    (repeat (cadr n) (zero? (matmul-dense context 16 16 16 x x 0 %null-pointer y)))
    (repeat (caddr n) (zero? (attention-dense context 1 12 12 128 128 64 1 x x x y)))))
