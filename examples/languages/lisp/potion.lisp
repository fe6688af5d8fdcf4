;;; SPDX-License-Identifier: BSD-2-Clause
;;; sbcl --script potion.lisp HEADS KV_HEADS SEQ HEAD_DIM SEED, with SBCL's own sb-alien.
;;; A Lisp vector of floats is an array of C while it is pinned: the collector may move it before and
;;; after. Lisp traps invalid and infinite floating-point results; Decoct masks these traps while a call
;;; runs, so an infinity in its result first stops the program that computes with it.
(load-shared-object "libdecoct.so.0")

(defmacro define-c (name result &rest arguments)
  "Decoct's function NAME, whose arguments are of these types."
  (let ((names (loop for nil in arguments collect (gensym))))
    `(progn
       (declaim (inline ,name))
       (defun ,name ,names
         (alien-funcall (extern-alien ,(format nil "decoct_~a" (substitute #\_ #\- (string-downcase name)))
                                      (function ,result ,@arguments))
                        ,@names)))))

(define-c context-open int system-area-pointer system-area-pointer)
(define-c context-close void system-area-pointer)
(define-c last-error c-string system-area-pointer)
(define-c attention-dense int system-area-pointer (signed 64) (signed 64) (signed 64) (signed 64) (signed 64)
  (signed 64) int system-area-pointer system-area-pointer system-area-pointer system-area-pointer)
(define-c default-model int system-area-pointer system-area-pointer (unsigned 64) system-area-pointer)
(define-c model-open int system-area-pointer system-area-pointer system-area-pointer)
(define-c model-close void system-area-pointer)
(define-c model-vocabulary (signed 64) system-area-pointer)
(define-c encode int system-area-pointer system-area-pointer c-string (unsigned 64) system-area-pointer (signed 64)
  system-area-pointer)
(define-c decode int system-area-pointer system-area-pointer system-area-pointer (signed 64) system-area-pointer
  (unsigned 64) system-area-pointer)
(define-c session-create int system-area-pointer system-area-pointer (signed 64) system-area-pointer)
(define-c session-destroy void system-area-pointer)
(define-c session-eval int system-area-pointer system-area-pointer system-area-pointer (signed 64) int
  system-area-pointer)

(defvar *null* (sb-sys:int-sap 0))
(defvar *context* *null*)
(defvar *state*)

(defun need (status)
  (unless (zerop status)
    (format *error-output* "~a~%" (last-error *context*))
    (exit :code 1 :abort t)))

(defun make (type count)
  (make-array count :element-type type :initial-element (coerce 0 type)))

(defmacro with-addresses ((&rest vectors) &body body)
  "Each vector is pinned, and its name means its address."
  `(sb-sys:with-pinned-objects ,vectors
     (let ,(loop for v in vectors collect `(,v (sb-sys:vector-sap ,v))) ,@body)))

(defun result (call)
  "What a function of C gives through its last argument, a pointer to 8 bytes."
  (let ((out (make '(unsigned-byte 64) 1)))
    (need (sb-sys:with-pinned-objects (out) (funcall call (sb-sys:vector-sap out))))
    (aref out 0)))

(defun handle (call)
  (sb-sys:int-sap (result call)))

(defun numbers (count)
  (let ((x (make 'single-float count)))
    (dotimes (i count x)
      (setf *state* (mod (* *state* 48271) 2147483647)
            (aref x i) (- (/ (mod *state* 65536) 32768f0) 1)))))

(defun fnv-1a (floats)
  (let ((hash #xcbf29ce484222325))
    (loop for x across floats
          for bits = (sb-kernel:single-float-bits x)
          do (dotimes (i 4)
               (setf hash (ldb (byte 64 0) (* (logxor hash (ldb (byte 8 (* 8 i)) bits)) #x100000001b3)))))
    hash))

(defun attention (heads kv-heads seq dim)
  (let* ((q (numbers (* heads seq dim))) (k (numbers (* kv-heads seq dim)))
         (v (numbers (* kv-heads seq dim))) (out (make 'single-float (length q))))
    (need (with-addresses (q k v out)
            (attention-dense *context* 1 heads kv-heads seq seq dim 1 q k v out)))
    (fnv-1a out)))

(defun next-word (text)
  (let* ((folder (make '(unsigned-byte 8) 4096)) (word (make '(unsigned-byte 8) 64))
         (ids (make '(signed-byte 32) (length text))) (size (length text)) model session count logits length)
    (with-addresses (folder)
      (result (lambda (out) (default-model *context* folder 4096 out)))
      (setf model (handle (lambda (out) (model-open *context* folder out)))))
    (setf session (handle (lambda (out) (session-create *context* model 0 out)))
          logits (make 'single-float (model-vocabulary model)))
    (with-addresses (ids logits)
      (setf count (result (lambda (out) (encode *context* model text size ids size out))))
      (need (session-eval *context* session ids count 0 logits)))
    (setf (aref ids 0) (position (reduce #'max logits) logits))
    (with-addresses (ids word)
      (setf length (result (lambda (out) (decode *context* model ids 1 word 64 out)))))
    (session-destroy session)
    (model-close model)
    (sb-ext:octets-to-string word :end length)))

(let ((n (mapcar #'parse-integer (rest *posix-argv*))) (text "Sarah lies still on the bed, feeling"))
  (setf *context* (handle (lambda (out) (context-open *null* out)))
        *state* (fifth n))
  (format t "~(~16,'0x~)~%" (attention (first n) (second n) (third n) (fourth n)))
  (format t "~a~a~%" text (next-word text))
  (context-close *context*))
