package io.millrace.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Random inputs near known ones. The same seed, inputs and dictionary give the same sequence. One thread. */
final class Mutator {
    private static final int MOST_CHANGES = 6;
    /** Values at which lengths, counts and offsets go wrong. */
    private static final long[] BOUNDARIES = {0, 1, -1, 7, 127, 128, 255, 256, 32767, 65535, 1 << 20, Integer.MAX_VALUE,
            Integer.MIN_VALUE, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE};

    private final Random random;
    private final List<byte[]> corpus;
    private final List<byte[]> dictionary;

    Mutator(long seed, List<byte[]> corpus, List<String> dictionary) {
        this.random = new Random(seed);
        this.corpus = corpus;
        this.dictionary = dictionary.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
    }

    byte[] next() {
        byte[] input = any(corpus);
        for (int changes = 1 + random.nextInt(MOST_CHANGES); changes > 0; changes--) {
            input = change(input);
        }
        return input;
    }

    private byte[] change(byte[] input) {
        int at = random.nextInt(input.length + 1);
        int end = at + random.nextInt(input.length - at + 1);
        return switch (random.nextInt(9)) {
            case 0 -> flip(input, at);
            case 1 -> overwrite(input, at, boundary());
            case 2 -> splice(input, at, boundary(), at);
            case 3 -> splice(input, at, new byte[0], end);
            case 4 -> splice(input, at, Arrays.copyOfRange(input, at, end), at);
            case 5 -> Arrays.copyOf(input, at);
            case 6 -> dictionary.isEmpty() ? flip(input, at) : splice(input, at, any(dictionary), at);
            case 7 -> dictionary.isEmpty() ? flip(input, at) : overwrite(input, at, any(dictionary));
            default -> crossOver(input, at);
        };
    }

    private static byte[] splice(byte[] input, int from, byte[] inserted, int to) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(input, 0, from);
        out.writeBytes(inserted);
        out.write(input, to, input.length - to);
        return out.toByteArray();
    }

    private static byte[] overwrite(byte[] input, int at, byte[] bytes) {
        return splice(input, at, bytes, Math.min(input.length, at + bytes.length));
    }

    private byte[] flip(byte[] input, int at) {
        byte[] flipped = input.clone();
        if (at < flipped.length) {
            flipped[at] ^= (byte) (1 << random.nextInt(8));
        }
        return flipped;
    }

    /** A boundary value, or one beside it, in 1, 2, 4 or 8 bytes of either order. */
    private byte[] boundary() {
        long value = BOUNDARIES[random.nextInt(BOUNDARIES.length)] + random.nextInt(3) - 1;
        boolean little = random.nextInt(4) > 0;
        byte[] bytes = ByteBuffer.allocate(8).order(little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN)
                .putLong(value).array();
        int size = 1 << random.nextInt(4);
        return little ? Arrays.copyOf(bytes, size) : Arrays.copyOfRange(bytes, 8 - size, 8);
    }

    private byte[] crossOver(byte[] input, int at) {
        byte[] other = any(corpus);
        int from = random.nextInt(other.length + 1);
        return splice(input, at, Arrays.copyOfRange(other, from, other.length), input.length);
    }

    private byte[] any(List<byte[]> inputs) {
        return inputs.get(random.nextInt(inputs.size()));
    }
}
