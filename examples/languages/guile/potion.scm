;; SPDX-License-Identifier: BSD-2-Clause
;; guile potion.scm HEADS KV_HEADS SEQ HEAD_DIM SEED, with GNU Guile 3.0.6 or newer.
;; An f32vector is its own array of C: bytevector->pointer. The collector does not move it, but keep a
;; reference to the vector, not only to the pointer, while C uses it.
(use-modules (system foreign) (system foreign-library) (rnrs bytevectors) (srfi srfi-4) (ice-9 format))

(define (c name result . arguments)
  (foreign-library-function "libdecoct.so.0" (string-append "decoct_" name)
                            #:return-type result #:arg-types arguments))
(define context-open (c "context_open" int32 '* '*))
(define context-close (c "context_close" void '*))
(define last-error (c "last_error" '* '*))
(define attention-dense
  (c "attention_dense" int32 '* int64 int64 int64 int64 int64 int64 int32 '* '* '* '*))
(define default-model (c "default_model" int32 '* '* uint64 '*))
(define model-open (c "model_open" int32 '* '* '*))
(define model-close (c "model_close" void '*))
(define model-vocabulary (c "model_vocabulary" int64 '*))
(define encode (c "encode" int32 '* '* '* uint64 '* int64 '*))
(define decode (c "decode" int32 '* '* '* int64 '* uint64 '*))
(define session-create (c "session_create" int32 '* '* int64 '*))
(define session-destroy (c "session_destroy" void '*))
(define session-eval (c "session_eval" int32 '* '* '* int64 int32 '*))

(define context %null-pointer)
(define address bytevector->pointer)

(define (need status)
  (unless (zero? status)
    (format (current-error-port) "~a~%" (pointer->string (last-error context)))
    (exit 1)))

;; What a function of C gives through its last argument: a handle or a number.
(define (result function . arguments)
  (let ((out (make-u64vector 1 0)))
    (need (apply function (append arguments (list (address out)))))
    (u64vector-ref out 0)))
(define handle (compose make-pointer result))

(define state 0)
(define (numbers count)
  (let ((x (make-f32vector count)))
    (do ((i 0 (+ i 1))) ((= i count) x)
      (set! state (modulo (* state 48271) 2147483647))
      (f32vector-set! x i (- (/ (modulo state 65536) 32768.0) 1)))))

(define (hash bytes)
  (let next ((i 0) (h #xcbf29ce484222325))
    (if (= i (bytevector-length bytes))
        h
        (next (+ i 1) (logand (* (logxor h (bytevector-u8-ref bytes i)) #x100000001b3) #xffffffffffffffff)))))

(define (attention heads kv-heads seq dim)
  (let* ((q (numbers (* heads seq dim))) (k (numbers (* kv-heads seq dim)))
         (v (numbers (* kv-heads seq dim))) (out (make-f32vector (* heads seq dim))))
    (need (attention-dense context 1 heads kv-heads seq seq dim 1
                           (address q) (address k) (address v) (address out)))
    (hash out)))

(define (largest x)
  (let next ((i 1) (best 0))
    (cond ((= i (f32vector-length x)) best)
          ((> (f32vector-ref x i) (f32vector-ref x best)) (next (+ i 1) i))
          (else (next (+ i 1) best)))))

(define (next-word text)
  (let* ((bytes (string->utf8 text)) (size (bytevector-length bytes))
         (folder (make-bytevector 4096)) (word (make-bytevector 64)) (ids (make-s32vector size)))
    (result default-model context (address folder) 4096)
    (let* ((model (handle model-open context (address folder)))
           (count (result encode context model (address bytes) size (address ids) size))
           (session (handle session-create context model 0))
           (logits (make-f32vector (model-vocabulary model))))
      (need (session-eval context session (address ids) count 0 (address logits)))
      (let* ((best (s32vector (largest logits)))
             (length (result decode context model (address best) 1 (address word) 64)))
        (session-destroy session)
        (model-close model)
        (pointer->string (address word) length "UTF-8")))))

(let ((n (map string->number (cdr (command-line)))) (text "Sarah lies still on the bed, feeling"))
  (set! context (handle context-open %null-pointer))
  (set! state (list-ref n 4))
  (format #t "~16,'0x~%" (apply attention (list-head n 4)))
  (format #t "~a~a~%" text (next-word text))
  (context-close context))
