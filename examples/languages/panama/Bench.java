// SPDX-License-Identifier: BSD-2-Clause
// java --enable-native-access=ALL-UNNAMED Bench CALLS PRODUCTS ATTENTIONS
import static java.lang.foreign.ValueLayout.*;

import java.lang.foreign.*;
import java.lang.invoke.MethodHandle;

public class Bench {
    static final SymbolLookup LIBRARY = SymbolLookup.libraryLookup("libdecoct.so.0", Arena.global());
    static final MethodHandle VERSION = find("version"), OPEN = find("context_open", ADDRESS, ADDRESS),
        MATMUL = find("matmul_dense", ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, JAVA_INT, ADDRESS,
            ADDRESS),
        ATTENTION = find("attention_dense", ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
            JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS);

    static MethodHandle find(String name, MemoryLayout... arguments) {
        return Linker.nativeLinker().downcallHandle(LIBRARY.find("decoct_" + name).orElseThrow(),
            FunctionDescriptor.of(JAVA_INT, arguments));
    }

    public static void main(String[] argument) throws Throwable {
        Arena arena = Arena.ofConfined();
        MemorySegment handle = arena.allocate(ADDRESS), none = MemorySegment.NULL;
        int failed = (int) OPEN.invokeExact(none, handle);
        MemorySegment ctx = handle.get(ADDRESS, 0);
        MemorySegment x = arena.allocate(JAVA_FLOAT, 12 * 128 * 64), y = arena.allocate(JAVA_FLOAT, 12 * 128 * 64);
        for (long i = 0; i < 12 * 128 * 64; i++) {
            x.setAtIndex(JAVA_FLOAT, i, 0.5f);
        }
        for (long i = Long.parseLong(argument[0]); i > 0; i--) {
            failed |= (int) VERSION.invokeExact() == 0 ? 1 : 0;
        }
        for (long i = Long.parseLong(argument[1]); i > 0; i--) {
            failed |= (int) MATMUL.invokeExact(ctx, 16L, 16L, 16L, x, x, 0, none, y);
        }
        for (long i = Long.parseLong(argument[2]); i > 0; i--) {
            failed |= (int) ATTENTION.invokeExact(ctx, 1L, 12L, 12L, 128L, 128L, 64L, 1, x, x, x, y);
        }
        System.exit(failed == 0 ? 0 : 1);
    }
}
