(* SPDX-License-Identifier: BSD-2-Clause
   ./potion HEADS KV_HEADS SEQ HEAD_DIM SEED, with ctypes (Debian: libctypes-ocaml-dev). A Bigarray is
   outside of OCaml's heap, so that C sees it where it is; keep it reachable while C uses it. *)
open Ctypes
open Foreign

let library = Dl.dlopen ~filename:"libdecoct.so.0" ~flags:[ Dl.RTLD_NOW ]
let c name arguments = foreign ~from:library ("decoct_" ^ name) arguments
let handle = ptr void
let floats = ptr float
let context_open = c "context_open" (handle @-> ptr handle @-> returning int32_t)
let context_close = c "context_close" (handle @-> returning void)
let last_error = c "last_error" (handle @-> returning string)

let attention_dense =
  c "attention_dense"
    (handle @-> int64_t @-> int64_t @-> int64_t @-> int64_t @-> int64_t @-> int64_t @-> int32_t @-> floats
   @-> floats @-> floats @-> floats @-> returning int32_t)

let default_model = c "default_model" (handle @-> ptr char @-> int64_t @-> ptr int64_t @-> returning int32_t)
let model_open = c "model_open" (handle @-> ptr char @-> ptr handle @-> returning int32_t)
let model_close = c "model_close" (handle @-> returning void)
let model_vocabulary = c "model_vocabulary" (handle @-> returning int64_t)

let encode =
  c "encode"
    (handle @-> handle @-> string @-> int64_t @-> ptr int32_t @-> int64_t @-> ptr int64_t @-> returning int32_t)

let decode =
  c "decode"
    (handle @-> handle @-> ptr int32_t @-> int64_t @-> ptr char @-> int64_t @-> ptr int64_t @-> returning int32_t)

let session_create = c "session_create" (handle @-> handle @-> int64_t @-> ptr handle @-> returning int32_t)
let session_destroy = c "session_destroy" (handle @-> returning void)

let session_eval =
  c "session_eval" (handle @-> handle @-> ptr int32_t @-> int64_t @-> int32_t @-> floats @-> returning int32_t)

let ctx = ref null

let need status =
  if status <> 0l then (
    prerr_endline (last_error !ctx);
    exit 1)

(* What a function of C gives through its last argument. *)
let result kind zero call =
  let out = allocate kind zero in
  need (call out);
  !@out

let numbers count state =
  let x = Bigarray.(Array1.create float32 c_layout count) in
  for i = 0 to count - 1 do
    state := !state * 48271 mod 2147483647;
    x.{i} <- (Float.of_int (!state mod 65536) /. 32768.) -. 1.
  done;
  x

let start array = bigarray_start array1 array

let attention heads kv_heads seq dim seed =
  let state = ref seed and n = Int64.of_int in
  let q = numbers (heads * seq * dim) state in
  let k = numbers (kv_heads * seq * dim) state in
  let v = numbers (kv_heads * seq * dim) state in
  let out = numbers (heads * seq * dim) state and hash = ref 0xcbf29ce484222325L in
  need
    (attention_dense !ctx 1L (n heads) (n kv_heads) (n seq) (n seq) (n dim) 1l (start q) (start k) (start v)
       (start out));
  for i = 0 to Bigarray.Array1.dim out - 1 do
    for byte = 0 to 3 do
      let bits = Int32.shift_right_logical (Int32.bits_of_float out.{i}) (8 * byte) in
      hash := Int64.(mul (logxor !hash (logand (of_int32 bits) 255L)) 0x100000001b3L)
    done
  done;
  !hash

let next_word text =
  let size = Int64.of_int (String.length text) in
  let folder = allocate_n char ~count:4096 and word = allocate_n char ~count:64 in
  let ids = allocate_n int32_t ~count:(String.length text) in
  ignore (result int64_t 0L (default_model !ctx folder 4096L));
  let model = result handle null (model_open !ctx folder) in
  let count = result int64_t 0L (encode !ctx model text size ids size) in
  let session = result handle null (session_create !ctx model 0L) in
  let logits = Bigarray.(Array1.create float32 c_layout (Int64.to_int (model_vocabulary model))) in
  need (session_eval !ctx session ids count 0l (start logits));
  let best = ref 0 in
  for id = 1 to Bigarray.Array1.dim logits - 1 do
    if logits.{id} > logits.{!best} then best := id
  done;
  let id = allocate int32_t (Int32.of_int !best) in
  let length = result int64_t 0L (decode !ctx model id 1L word 64L) in
  session_destroy session;
  model_close model;
  string_from_ptr word ~length:(Int64.to_int length)

let () =
  let n i = int_of_string Sys.argv.(i) and text = "Sarah lies still on the bed, feeling" in
  ctx := result handle null (context_open null);
  Printf.printf "%016Lx\n" (attention (n 1) (n 2) (n 3) (n 4) (n 5));
  print_endline (text ^ next_word text);
  context_close !ctx
