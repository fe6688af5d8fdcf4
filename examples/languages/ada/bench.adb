--  SPDX-License-Identifier: BSD-2-Clause
--  ./bench CALLS PRODUCTS ATTENTIONS
with Ada.Command_Line; use Ada.Command_Line;
with Decoct;           use Decoct;
with Interfaces;       use Interfaces;
with System;

procedure Bench is
   function Version return Unsigned_32
     with Import, Convention => C, External_Name => "decoct_version";
   function Matmul_Dense
     (Ctx : Handle; M, N, K : Int64; X, B : Floats; Transposed : Integer_32; Bias : System.Address;
      Y   : in out Floats) return Status
     with Import, Convention => C, External_Name => "decoct_matmul_dense";

   Heads  : constant := 12;
   Seq    : constant := 128;
   Dim    : constant := 64;
   X, Y   : Floats (1 .. Heads * Seq * Dim) := (others => 0.5);
   Ctx    : Handle;
   Failed : Boolean := Context_Open (System.Null_Address, Ctx) /= 0;
begin
   for I in 1 .. Int64'Value (Argument (1)) loop
      Failed := Failed or (Version = 0);
   end loop;
   for I in 1 .. Int64'Value (Argument (2)) loop
      Failed := Failed or (Matmul_Dense (Ctx, 16, 16, 16, X, X, 0, System.Null_Address, Y) /= 0);
   end loop;
   for I in 1 .. Int64'Value (Argument (3)) loop
      Failed := Failed or (Attention_Dense (Ctx, 1, Heads, Heads, Seq, Seq, Dim, 1, X, X, X, Y) /= 0);
   end loop;
   Context_Close (Ctx);
   Set_Exit_Status (if Failed then Failure else Success);
end Bench;
