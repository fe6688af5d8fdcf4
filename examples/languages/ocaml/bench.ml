(* SPDX-License-Identifier: BSD-2-Clause
   ./bench CALLS PRODUCTS ATTENTIONS *)
open Ctypes
open Foreign

let library = Dl.dlopen ~filename:"libdecoct.so.0" ~flags:[ Dl.RTLD_NOW ]
let c name arguments = foreign ~from:library ("decoct_" ^ name) arguments
let handle = ptr void
let floats = ptr float
let version = c "version" (void @-> returning uint32_t)
let context_open = c "context_open" (handle @-> ptr handle @-> returning int32_t)

let matmul_dense =
  c "matmul_dense"
    (handle @-> int64_t @-> int64_t @-> int64_t @-> floats @-> floats @-> int32_t @-> handle @-> floats
   @-> returning int32_t)

let attention_dense =
  c "attention_dense"
    (handle @-> int64_t @-> int64_t @-> int64_t @-> int64_t @-> int64_t @-> int64_t @-> int32_t @-> floats
   @-> floats @-> floats @-> floats @-> returning int32_t)

let () =
  let n i = int_of_string Sys.argv.(i) and need good = if not good then exit 1 in
  let x = Bigarray.(Array1.create float32 c_layout (12 * 128 * 64)) in
  let y = Bigarray.(Array1.create float32 c_layout (12 * 128 * 64)) in
  Bigarray.Array1.fill x 0.5;
  let out = allocate handle null and from = bigarray_start array1 x and into = bigarray_start array1 y in
  need (context_open null out = 0l);
  let ctx = !@out in
  for _ = 1 to n 1 do
    need (version () <> Unsigned.UInt32.zero)
  done;
  for _ = 1 to n 2 do
    need (matmul_dense ctx 16L 16L 16L from from 0l null into = 0l)
  done;
  for _ = 1 to n 3 do
    need (attention_dense ctx 1L 12L 12L 128L 128L 64L 1l from from from into = 0l)
  done
