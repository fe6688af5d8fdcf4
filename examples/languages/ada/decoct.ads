--  SPDX-License-Identifier: BSD-2-Clause
--  The functions of Decoct that Potion calls. An array with Convention => C is passed as the address of
--  its first element, an `out` parameter as the address of the variable.
with Interfaces.C.Strings;
with System;

package Decoct is
   subtype Status is Interfaces.Integer_32;
   subtype Int64 is Interfaces.Integer_64;
   subtype Handle is System.Address; --  a context, model or session
   type Floats is array (Int64 range <>) of aliased Interfaces.C.C_float with Convention => C;
   type Tokens is array (Int64 range <>) of aliased Interfaces.Integer_32 with Convention => C;

   function Context_Open (Options : Handle; Ctx : out Handle) return Status
     with Import, Convention => C, External_Name => "decoct_context_open";
   procedure Context_Close (Ctx : Handle)
     with Import, Convention => C, External_Name => "decoct_context_close";
   function Last_Error (Ctx : Handle) return Interfaces.C.Strings.chars_ptr
     with Import, Convention => C, External_Name => "decoct_last_error";
   function Attention_Dense
     (Ctx                                                  : Handle;
      Batch, Heads, KV_Heads, Queries, Keys, Head_Dim      : Int64;
      Causal                                               : Interfaces.Integer_32;
      Q, K, V                                              : Floats;
      Result                                               : in out Floats) return Status
     with Import, Convention => C, External_Name => "decoct_attention_dense";
   function Default_Model
     (Ctx : Handle; Path : in out Interfaces.C.char_array; Size : Int64; Length : out Int64) return Status
     with Import, Convention => C, External_Name => "decoct_default_model";
   function Model_Open
     (Ctx : Handle; Folder : Interfaces.C.char_array; Model : out Handle) return Status
     with Import, Convention => C, External_Name => "decoct_model_open";
   procedure Model_Close (Model : Handle)
     with Import, Convention => C, External_Name => "decoct_model_close";
   function Model_Vocabulary (Model : Handle) return Int64
     with Import, Convention => C, External_Name => "decoct_model_vocabulary";
   function Encode
     (Ctx, Model : Handle; Text : Interfaces.C.char_array; Length : Int64; Ids : in out Tokens;
      Room : Int64; Count : out Int64) return Status
     with Import, Convention => C, External_Name => "decoct_encode";
   function Decode
     (Ctx, Model : Handle; Ids : Tokens; Count : Int64; Text : in out Interfaces.C.char_array;
      Room : Int64; Length : out Int64) return Status
     with Import, Convention => C, External_Name => "decoct_decode";
   function Session_Create
     (Ctx, Model : Handle; Most : Int64; Session : out Handle) return Status
     with Import, Convention => C, External_Name => "decoct_session_create";
   procedure Session_Destroy (Session : Handle)
     with Import, Convention => C, External_Name => "decoct_session_destroy";
   function Session_Eval
     (Ctx, Session : Handle; Ids : Tokens; Count : Int64; All_Positions : Interfaces.Integer_32;
      Logits : in out Floats) return Status
     with Import, Convention => C, External_Name => "decoct_session_eval";
end Decoct;
