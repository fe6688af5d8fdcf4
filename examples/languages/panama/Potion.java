// SPDX-License-Identifier: BSD-2-Clause
// Java 22 or newer with nothing but its own java.lang.foreign ("Panama"):
// java --enable-native-access=ALL-UNNAMED Potion.java HEADS KV_HEADS SEQ HEAD_DIM SEED
// Arrays are in an Arena: C sees the same memory, and it is freed when the arena is closed. A handle
// may be used by one thread at a time, whichever that is.
import static java.lang.foreign.ValueLayout.*;

import java.lang.foreign.*;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;

public class Potion {
    static final SymbolLookup LIBRARY = SymbolLookup.libraryLookup("libdecoct.so.0", Arena.global());
    static final MethodHandle OPEN = find("context_open", JAVA_INT, ADDRESS, ADDRESS),
        ATTENTION = find("attention_dense", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
            JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS),
        DEFAULT_MODEL = find("default_model", JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS),
        MODEL_OPEN = find("model_open", JAVA_INT, ADDRESS, ADDRESS, ADDRESS),
        VOCABULARY = find("model_vocabulary", JAVA_LONG, ADDRESS),
        ENCODE = find("encode", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS),
        DECODE = find("decode", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS),
        CREATE = find("session_create", JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS),
        EVAL = find("session_eval", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS),
        ERROR = find("last_error", ADDRESS, ADDRESS), CLOSE = find("context_close", null, ADDRESS),
        MODEL_CLOSE = find("model_close", null, ADDRESS), DESTROY = find("session_destroy", null, ADDRESS);

    static MethodHandle find(String name, MemoryLayout result, MemoryLayout... arguments) {
        FunctionDescriptor type = result == null ? FunctionDescriptor.ofVoid(arguments)
                                                 : FunctionDescriptor.of(result, arguments);
        return Linker.nativeLinker().downcallHandle(LIBRARY.find("decoct_" + name).orElseThrow(), type);
    }

    static MemorySegment ctx = MemorySegment.NULL;
    static Arena arena;
    static long state;

    static void need(MethodHandle function, Object... arguments) throws Throwable {
        if ((int) function.invokeWithArguments(arguments) != 0) {
            MemorySegment text = (MemorySegment) ERROR.invoke(ctx);
            System.err.println(text.reinterpret(Long.MAX_VALUE).getString(0));
            System.exit(1);
        }
    }

    static MemorySegment numbers(long count) {
        MemorySegment x = arena.allocate(JAVA_FLOAT, count);
        for (long i = 0; i < count; i++) {
            state = state * 48271 % 2147483647;
            x.setAtIndex(JAVA_FLOAT, i, state % 65536 / 32768f - 1);
        }
        return x;
    }

    static long attention(long heads, long kvHeads, long seq, long dim) throws Throwable {
        MemorySegment q = numbers(heads * seq * dim), k = numbers(kvHeads * seq * dim), v = numbers(kvHeads * seq * dim);
        MemorySegment out = arena.allocate(JAVA_FLOAT, heads * seq * dim);
        need(ATTENTION, ctx, 1L, heads, kvHeads, seq, seq, dim, 1, q, k, v, out);
        long hash = 0xcbf29ce484222325L;
        for (long i = 0; i < out.byteSize(); i++) {
            hash = (hash ^ (out.get(JAVA_BYTE, i) & 0xff)) * 0x100000001b3L;
        }
        return hash;
    }

    static String next(String text) throws Throwable {
        MemorySegment handle = arena.allocate(ADDRESS), length = arena.allocate(JAVA_LONG);
        MemorySegment folder = arena.allocate(4096), word = arena.allocate(64), bytes = arena.allocateFrom(text);
        need(DEFAULT_MODEL, ctx, folder, folder.byteSize(), MemorySegment.NULL);
        need(MODEL_OPEN, ctx, folder, handle);
        MemorySegment model = handle.get(ADDRESS, 0), ids = arena.allocate(JAVA_INT, bytes.byteSize());
        need(ENCODE, ctx, model, bytes, bytes.byteSize() - 1, ids, bytes.byteSize(), length);
        need(CREATE, ctx, model, 0L, handle);
        MemorySegment session = handle.get(ADDRESS, 0);
        MemorySegment logits = arena.allocate(JAVA_FLOAT, (long) VOCABULARY.invoke(model));
        need(EVAL, ctx, session, ids, length.get(JAVA_LONG, 0), 0, logits);
        float[] score = logits.toArray(JAVA_FLOAT);
        int best = 0;
        for (int id = 1; id < score.length; id++) {
            best = score[id] > score[best] ? id : best;
        }
        need(DECODE, ctx, model, arena.allocateFrom(JAVA_INT, best), 1L, word, word.byteSize(), length);
        DESTROY.invoke(session);
        MODEL_CLOSE.invoke(model);
        return new String(word.toArray(JAVA_BYTE), 0, (int) length.get(JAVA_LONG, 0), StandardCharsets.UTF_8);
    }

    public static void main(String[] argument) throws Throwable {
        long[] n = new long[5];
        for (int i = 0; i < n.length && i < argument.length; i++) {
            n[i] = Long.parseLong(argument[i]);
        }
        state = n[4];
        try (Arena own = Arena.ofConfined()) {
            arena = own;
            MemorySegment handle = arena.allocate(ADDRESS);
            need(OPEN, MemorySegment.NULL, handle);
            ctx = handle.get(ADDRESS, 0);
            System.out.printf("%016x%n", attention(n[0], n[1], n[2], n[3]));
            String text = "Sarah lies still on the bed, feeling";
            System.out.println(text + next(text));
            CLOSE.invoke(ctx);
        }
    }
}
