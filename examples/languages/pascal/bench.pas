// SPDX-License-Identifier: BSD-2-Clause
// ./bench CALLS PRODUCTS ATTENTIONS
program bench;
{$mode objfpc}
uses ctypes, sysutils;
const
  library_name = 'decoct';
  heads = 12;
  seq = 128;
  dim = 64;

function decoct_version: cuint32; cdecl; external library_name;
function decoct_context_open(options: Pointer; out ctx: Pointer): cint32; cdecl; external library_name;
function decoct_matmul_dense(ctx: Pointer; m, n, k: cint64; x, b: pcfloat; transposed: cint32;
  bias, y: pcfloat): cint32; cdecl; external library_name;
function decoct_attention_dense(ctx: Pointer; batch, heads, kv_heads, queries, keys, head_dim: cint64;
  causal: cint32; q, k, v, sums: pcfloat): cint32; cdecl; external library_name;

var
  ctx: Pointer;
  x, y: array[1..heads * seq * dim] of cfloat;
  i: Int64;
  failed: Boolean;
begin
  for i := 1 to Length(x) do
    x[i] := 0.5;
  failed := decoct_context_open(nil, ctx) <> 0;
  for i := 1 to StrToInt64(ParamStr(1)) do
    failed := (decoct_version = 0) or failed;
  for i := 1 to StrToInt64(ParamStr(2)) do
    failed := (decoct_matmul_dense(ctx, 16, 16, 16, @x, @x, 0, nil, @y) <> 0) or failed;
  for i := 1 to StrToInt64(ParamStr(3)) do
    failed := (decoct_attention_dense(ctx, 1, heads, heads, seq, seq, dim, 1, @x, @x, @x, @y) <> 0) or failed;
  if failed then
    Halt(1);
end.
