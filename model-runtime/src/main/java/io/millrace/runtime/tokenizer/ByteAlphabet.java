package io.millrace.runtime.tokenizer;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The alphabet in which vocabulary files write bytes as printable characters (GPT-2's byte-level encoding): the printable
 * Latin-1 bytes stand for themselves, the other 68 are U+0100 and up in order.
 */
public final class ByteAlphabet {
    private static final char[] CHARACTER = new char[256];
    private static final short[] BYTE = new short[256 + 68];

    static {
        Arrays.fill(BYTE, (short) -1);
        char next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            CHARACTER[b] = printable ? (char) b : next++;
            BYTE[CHARACTER[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    /** The byte a character stands for, or -1 when it is not in the alphabet. */
    static int toByte(char c) {
        return c < BYTE.length ? BYTE[c] : -1;
    }

    static char toChar(int b) {
        return CHARACTER[b & 0xFF];
    }

    /** The 256 characters, each as a token, in the order in which GPT-2's vocabulary lists them: ascending. */
    public static List<String> tokens() {
        return IntStream.range(0, 256).mapToObj(b -> CHARACTER[b]).sorted().map(String::valueOf)
                .collect(Collectors.toUnmodifiableList());
    }
}
