--  SPDX-License-Identifier: BSD-2-Clause
--  ./potion HEADS KV_HEADS SEQ HEAD_DIM SEED
--  Large arrays are made with `new`: a stack has 8 MiB, that of an Ada task 2 MiB.
with Ada.Command_Line; use Ada.Command_Line;
with Ada.Text_IO;      use Ada.Text_IO;
with Decoct;           use Decoct;
with Interfaces.C.Strings;
with Interfaces;       use Interfaces;
with System;

procedure Potion is
   package C renames Interfaces.C;
   use type C.C_float, C.size_t;
   type Floats_Access is access Floats;

   Text   : constant String := "Sarah lies still on the bed, feeling";
   Failed : exception;
   Ctx    : Handle := System.Null_Address;
   State  : Int64;

   procedure Need (Code : Status) is
   begin
      if Code /= 0 then
         Put_Line (Standard_Error, C.Strings.Value (Last_Error (Ctx)));
         raise Failed;
      end if;
   end Need;

   function Number (At_Argument : Positive) return Int64 is
     (if At_Argument <= Argument_Count then Int64'Value (Argument (At_Argument)) else 0);

   function Numbers (Count : Int64) return Floats_Access is
      X : constant Floats_Access := new Floats (1 .. Count);
   begin
      for Element of X.all loop
         State   := State * 48271 mod 2147483647;
         Element := C.C_float (State mod 65536) / 32768.0 - 1.0;
      end loop;
      return X;
   end Numbers;

   function Attention (Heads, KV_Heads, Seq, Dim : Int64) return Unsigned_64 is
      Q      : constant Floats_Access := Numbers (Heads * Seq * Dim);
      K      : constant Floats_Access := Numbers (KV_Heads * Seq * Dim);
      V      : constant Floats_Access := Numbers (KV_Heads * Seq * Dim);
      Result : constant Floats_Access := new Floats (Q'Range);
      Hash   : Unsigned_64            := 16#cbf29ce484222325#;
      Bytes  : array (1 .. 4 * Result'Length) of Unsigned_8 with Import, Address => Result.all'Address;
   begin
      Need (Attention_Dense (Ctx, 1, Heads, KV_Heads, Seq, Seq, Dim, 1, Q.all, K.all, V.all, Result.all));
      for Byte of Bytes loop
         Hash := (Hash xor Unsigned_64 (Byte)) * 16#100000001b3#; --  a modular type wraps around
      end loop;
      return Hash;
   end Attention;

   function Hexadecimal (Value : Unsigned_64) return String is
      Digit : constant String := "0123456789abcdef";
   begin
      return Image : String (1 .. 16) do
         for I in Image'Range loop
            Image (I) := Digit (1 + Natural (Shift_Right (Value, 64 - 4 * I) and 15));
         end loop;
      end return;
   end Hexadecimal;

   function Next_Word return String is
      Folder        : C.char_array (1 .. 4096);
      Word          : C.char_array (1 .. 64);
      Model, Session : Handle;
      Ids           : Tokens (1 .. Text'Length);
      Best          : Tokens := (1 => 0);
      Count, Length : Int64;
   begin
      Need (Default_Model (Ctx, Folder, Folder'Length, Length));
      Need (Model_Open (Ctx, Folder, Model));
      Need (Encode (Ctx, Model, C.To_C (Text), Text'Length, Ids, Ids'Length, Count));
      Need (Session_Create (Ctx, Model, 0, Session));
      declare
         Logits : Floats (0 .. Model_Vocabulary (Model) - 1);
      begin
         Need (Session_Eval (Ctx, Session, Ids, Count, 0, Logits));
         for Id in Logits'Range loop
            if Logits (Id) > Logits (Int64 (Best (1))) then
               Best (1) := Integer_32 (Id);
            end if;
         end loop;
      end;
      Need (Decode (Ctx, Model, Best, 1, Word, Word'Length, Length));
      Session_Destroy (Session);
      Model_Close (Model);
      return C.To_Ada (Word (1 .. C.size_t (Length)), Trim_Nul => False);
   end Next_Word;
begin
   Need (Context_Open (System.Null_Address, Ctx));
   State := Number (5);
   Put_Line (Hexadecimal (Attention (Number (1), Number (2), Number (3), Number (4))));
   Put_Line (Text & Next_Word);
   Context_Close (Ctx);
exception
   when Failed => Set_Exit_Status (Failure);
end Potion;
