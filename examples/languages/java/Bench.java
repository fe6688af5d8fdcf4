// SPDX-License-Identifier: BSD-2-Clause
// java Bench CALLS PRODUCTS ATTENTIONS, with JNA; arrays are in a Memory, which is not copied.
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;

public class Bench {
    static native int decoct_version();
    static native int decoct_context_open(Pointer options, PointerByReference out);
    static native int decoct_matmul_dense(Pointer ctx, long m, long n, long k, Pointer x, Pointer b, int transposed,
        Pointer bias, Pointer y);
    static native int decoct_attention_dense(Pointer ctx, long batch, long heads, long kvHeads, long queries,
        long keys, long headDim, int causal, Pointer q, Pointer k, Pointer v, Pointer out);

    static {
        Native.register("libdecoct.so.0");
    }

    public static void main(String[] argument) {
        PointerByReference handle = new PointerByReference();
        int failed = decoct_context_open(null, handle);
        Pointer ctx = handle.getValue();
        Memory x = new Memory(4 * 12 * 128 * 64), y = new Memory(x.size());
        for (long at = 0; at < x.size(); at += 4) {
            x.setFloat(at, 0.5f);
        }
        for (long i = Long.parseLong(argument[0]); i > 0; i--) {
            failed |= decoct_version() == 0 ? 1 : 0;
        }
        for (long i = Long.parseLong(argument[1]); i > 0; i--) {
            failed |= decoct_matmul_dense(ctx, 16, 16, 16, x, x, 0, null, y);
        }
        for (long i = Long.parseLong(argument[2]); i > 0; i--) {
            failed |= decoct_attention_dense(ctx, 1, 12, 12, 128, 128, 64, 1, x, x, x, y);
        }
        System.exit(failed == 0 ? 0 : 1);
    }
}
