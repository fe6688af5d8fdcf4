// SPDX-License-Identifier: BSD-2-Clause
// Java 11 or newer with JNA (Debian: libjna-java), which binds native methods by their names:
// java -cp /usr/share/java/jna.jar Potion.java HEADS KV_HEADS SEQ HEAD_DIM SEED
// A float[] is copied to C and back at each call; a com.sun.jna.Memory is not.
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;

public class Potion {
    static native int decoct_context_open(Pointer options, PointerByReference out);
    static native void decoct_context_close(Pointer ctx);
    static native String decoct_last_error(Pointer ctx);
    static native int decoct_attention_dense(Pointer ctx, long batch, long heads, long kvHeads, long queries,
        long keys, long headDim, int causal, float[] q, float[] k, float[] v, float[] out);
    static native int decoct_default_model(Pointer ctx, byte[] path, long size, LongByReference length);
    static native int decoct_model_open(Pointer ctx, String folder, PointerByReference out);
    static native void decoct_model_close(Pointer model);
    static native long decoct_model_vocabulary(Pointer model);
    static native int decoct_encode(Pointer ctx, Pointer model, byte[] text, long length, int[] ids, long room,
        LongByReference count);
    static native int decoct_decode(Pointer ctx, Pointer model, int[] ids, long count, byte[] text, long room,
        LongByReference length);
    static native int decoct_session_create(Pointer ctx, Pointer model, long tokens, PointerByReference out);
    static native void decoct_session_destroy(Pointer session);
    static native int decoct_session_eval(Pointer ctx, Pointer session, int[] ids, long count, int all,
        float[] logits);

    static {
        Native.register("libdecoct.so.0");
    }

    static Pointer ctx = Pointer.NULL;

    static void need(int status) {
        if (status != 0) {
            System.err.println(decoct_last_error(ctx));
            System.exit(1);
        }
    }

    static long state;

    static float[] numbers(long count) {
        float[] x = new float[(int) count];
        for (int i = 0; i < x.length; i++) {
            state = state * 48271 % 2147483647;
            x[i] = state % 65536 / 32768f - 1;
        }
        return x;
    }

    static long attention(long heads, long kvHeads, long seq, long dim) {
        float[] q = numbers(heads * seq * dim), k = numbers(kvHeads * seq * dim), v = numbers(k.length);
        float[] out = new float[q.length];
        need(decoct_attention_dense(ctx, 1, heads, kvHeads, seq, seq, dim, 1, q, k, v, out));
        long hash = 0xcbf29ce484222325L;
        for (float x : out) {
            for (int shift = 0; shift < 32; shift += 8) {
                hash = (hash ^ (Float.floatToRawIntBits(x) >>> shift & 0xff)) * 0x100000001b3L;
            }
        }
        return hash;
    }

    static String next(String text) {
        PointerByReference handle = new PointerByReference();
        LongByReference length = new LongByReference();
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8), path = new byte[4096], word = new byte[64];
        need(decoct_default_model(ctx, path, path.length, length));
        need(decoct_model_open(ctx, Native.toString(path, "UTF-8"), handle));
        Pointer model = handle.getValue();
        int[] ids = new int[bytes.length];
        need(decoct_encode(ctx, model, bytes, bytes.length, ids, ids.length, length));
        need(decoct_session_create(ctx, model, 0, handle));
        Pointer session = handle.getValue();
        float[] logits = new float[(int) decoct_model_vocabulary(model)];
        need(decoct_session_eval(ctx, session, ids, length.getValue(), 0, logits));
        int best = 0;
        for (int id = 1; id < logits.length; id++) {
            best = logits[id] > logits[best] ? id : best;
        }
        need(decoct_decode(ctx, model, new int[] {best}, 1, word, word.length, length));
        decoct_session_destroy(session);
        decoct_model_close(model);
        return new String(word, 0, (int) length.getValue(), StandardCharsets.UTF_8);
    }

    public static void main(String[] argument) {
        long[] n = new long[5];
        for (int i = 0; i < n.length && i < argument.length; i++) {
            n[i] = Long.parseLong(argument[i]);
        }
        PointerByReference handle = new PointerByReference();
        need(decoct_context_open(Pointer.NULL, handle));
        ctx = handle.getValue();
        state = n[4];
        System.out.printf("%016x%n", attention(n[0], n[1], n[2], n[3]));
        String text = "Sarah lies still on the bed, feeling";
        System.out.println(text + next(text));
        decoct_context_close(ctx);
    }
}
