package io.millrace.runtime.prompt;

import java.util.Arrays;
import java.util.stream.IntStream;

/** Token ids in tests. */
final class Ids {
    private Ids() {}

    static int[] join(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(IntStream::of).toArray();
    }
}
