// SPDX-License-Identifier: BSD-2-Clause
// ./potion HEADS KV_HEADS SEQ HEAD_DIM SEED, with Free Pascal. An array is passed by the address of its
// first element. Pascal traps invalid and infinite floating-point results; Decoct masks these traps while
// a call runs, so an infinity in its result first stops the program that computes with it.
program potion;
{$mode objfpc}{$H+}{$Q-}{$R-}
uses ctypes, sysutils;

type
  THandle = Pointer; // a context, model or session
  TFloats = array of cfloat;

const
  library_name = 'decoct';

function decoct_context_open(options: Pointer; out ctx: THandle): cint32; cdecl; external library_name;
procedure decoct_context_close(ctx: THandle); cdecl; external library_name;
function decoct_last_error(ctx: THandle): PChar; cdecl; external library_name;
function decoct_attention_dense(ctx: THandle; batch, heads, kv_heads, queries, keys, head_dim: cint64;
  causal: cint32; q, k, v, result_: pcfloat): cint32; cdecl; external library_name;
function decoct_default_model(ctx: THandle; path: PChar; size: cuint64; out length: cuint64): cint32; cdecl;
  external library_name;
function decoct_model_open(ctx: THandle; folder: PChar; out model: THandle): cint32; cdecl; external library_name;
procedure decoct_model_close(model: THandle); cdecl; external library_name;
function decoct_model_vocabulary(model: THandle): cint64; cdecl; external library_name;
function decoct_encode(ctx, model: THandle; text: PChar; length: cuint64; ids: pcint32; room: cint64;
  out count: cint64): cint32; cdecl; external library_name;
function decoct_decode(ctx, model: THandle; ids: pcint32; count: cint64; text: PChar; room: cuint64;
  out length: cuint64): cint32; cdecl; external library_name;
function decoct_session_create(ctx, model: THandle; tokens: cint64; out session: THandle): cint32; cdecl;
  external library_name;
procedure decoct_session_destroy(session: THandle); cdecl; external library_name;
function decoct_session_eval(ctx, session: THandle; ids: pcint32; count: cint64; all: cint32;
  logits: pcfloat): cint32; cdecl; external library_name;

var
  ctx: THandle = nil;
  state: Int64;

procedure Need(status: cint32);
begin
  if status <> 0 then
  begin
    WriteLn(StdErr, decoct_last_error(ctx));
    Halt(1);
  end;
end;

function Numbers(count: Int64): TFloats;
var
  i: Int64;
begin
  Result := nil;
  SetLength(Result, count);
  for i := 0 to count - 1 do
  begin
    state := state * 48271 mod 2147483647;
    Result[i] := (state mod 65536) / 32768 - 1;
  end;
end;

function Attention(heads, kv_heads, seq, dim: Int64): QWord;
var
  q, k, v, sums: TFloats;
  i: Int64;
begin
  q := Numbers(heads * seq * dim);
  k := Numbers(kv_heads * seq * dim);
  v := Numbers(kv_heads * seq * dim);
  SetLength(sums, Length(q));
  Need(decoct_attention_dense(ctx, 1, heads, kv_heads, seq, seq, dim, 1, @q[0], @k[0], @v[0], @sums[0]));
  Result := QWord($cbf29ce484222325);
  for i := 0 to 4 * Length(sums) - 1 do
    Result := (Result xor PByte(@sums[0])[i]) * QWord($100000001b3);
end;

function NextWord(const text: string): string;
var
  folder: array[0..4095] of Char;
  word: array[0..63] of Char;
  model, session: THandle;
  ids: array of cint32;
  logits: TFloats;
  best: cint32 = 0;
  id: cint32;
  count: cint64;
  size: cuint64;
begin
  Need(decoct_default_model(ctx, folder, SizeOf(folder), size));
  Need(decoct_model_open(ctx, folder, model));
  SetLength(ids, Length(text));
  Need(decoct_encode(ctx, model, PChar(text), Length(text), @ids[0], Length(ids), count));
  Need(decoct_session_create(ctx, model, 0, session));
  SetLength(logits, decoct_model_vocabulary(model));
  Need(decoct_session_eval(ctx, session, @ids[0], count, 0, @logits[0]));
  for id := 0 to High(logits) do
    if logits[id] > logits[best] then
      best := id;
  Need(decoct_decode(ctx, model, @best, 1, word, SizeOf(word), size));
  decoct_session_destroy(session);
  decoct_model_close(model);
  SetString(Result, PChar(word), size);
end;

const
  text = 'Sarah lies still on the bed, feeling';
begin
  Need(decoct_context_open(nil, ctx));
  state := StrToInt64(ParamStr(5));
  WriteLn(HexStr(Attention(StrToInt64(ParamStr(1)), StrToInt64(ParamStr(2)), StrToInt64(ParamStr(3)),
    StrToInt64(ParamStr(4))), 16));
  WriteLn(text, NextWord(text));
  decoct_context_close(ctx);
end.
