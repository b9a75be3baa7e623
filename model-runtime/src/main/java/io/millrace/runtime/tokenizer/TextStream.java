package io.millrace.runtime.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The text of one turn as its tokens come: each token gives the text that is certain with it. Bytes that may still become a
 * character and characters that may still become a stop string are held back. All text given out, joined, depends on the
 * tokens alone: it is what {@link Tokenizer#decode} makes of them, cut off before the stop string.
 *
 * <p>The turn stops at the stop string that is complete first, reading character by character; of several that end with
 * the same character, at the longest. Where tokens begin and end makes no difference. Special tokens have no text.
 * One thread; no close.
 */
public final class TextStream {
    /** A character takes at most 4 bytes, so 3 may wait for the rest. */
    private static final int MAX_PENDING_BYTES = 3;

    private final Tokenizer tokenizer;
    private final StopString[] stops;
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE).onUnmappableCharacter(CodingErrorAction.REPLACE);
    private ByteBuffer bytes = ByteBuffer.allocate(64);
    private CharBuffer chars = CharBuffer.allocate(64);
    private final StringBuilder held = new StringBuilder();
    private boolean stopped;

    /** @throws IllegalArgumentException when a stop string is empty */
    public TextStream(Tokenizer tokenizer, List<String> stop) {
        this.tokenizer = tokenizer;
        stops = stop.stream().map(StopString::new).toArray(StopString[]::new);
    }

    /** Takes the turn's next token and returns the text that became certain; nothing any more after a stop string. */
    public String append(int token) {
        int length = tokenizer.byteLength(token);
        if (stopped || length == 0) {
            return "";
        }
        reserve(length);
        tokenizer.copyBytes(token, bytes.array(), bytes.position());
        bytes.position(bytes.position() + length);
        return decode(false);
    }

    /** Whether a stop string was met. */
    public boolean stopped() {
        return stopped;
    }

    /**
     * Ends the turn and returns what was held back, with U+FFFD for a character that never became whole. That may complete
     * a stop string too. No token may follow.
     */
    public String finish() {
        if (stopped) {
            return "";
        }
        String text = decode(true);
        if (!stopped) {
            text += held;
            held.setLength(0);
        }
        return text;
    }

    private void reserve(int length) {
        if (bytes.remaining() < length) {
            bytes = ByteBuffer.allocate(bytes.position() + length).put(bytes.flip());
        }
        if (chars.capacity() < bytes.capacity() + MAX_PENDING_BYTES) {
            chars = CharBuffer.allocate(bytes.capacity() + MAX_PENDING_BYTES);
        }
    }

    private String decode(boolean end) {
        bytes.flip();
        chars.clear();
        decoder.decode(bytes, chars, end);
        bytes.compact();
        chars.flip();
        while (chars.hasRemaining()) {
            char c = chars.get();
            held.append(c);
            int match = 0;
            for (StopString stop : stops) {
                if (stop.next(c)) {
                    match = Math.max(match, stop.length());
                }
            }
            if (match > 0) {
                stopped = true;
                return held.substring(0, held.length() - match);
            }
        }
        int uncertain = 0;
        for (StopString stop : stops) {
            uncertain = Math.max(uncertain, stop.matched());
        }
        String certain = held.substring(0, held.length() - uncertain);
        held.delete(0, certain.length());
        return certain;
    }

    /** Finds one string in a stream of characters (Knuth, Morris, Pratt 1977): constant amortized time per character. */
    private static final class StopString {
        private final String stop;
        /** For every prefix of the string the length of its longest proper prefix that is also its suffix. */
        private final int[] border;
        private int matched;

        StopString(String stop) {
            if (stop.isEmpty()) {
                throw new IllegalArgumentException("stop: a stop string is empty; leave it out");
            }
            this.stop = Unicode.wellFormed(stop);
            border = new int[stop.length() + 1];
            for (int i = 1; i < stop.length(); i++) {
                matched = extend(matched, this.stop.charAt(i));
                border[i + 1] = matched;
            }
            matched = 0;
        }

        /** Takes the next character; true when the string ends with it. */
        boolean next(char c) {
            matched = extend(matched, c);
            return matched == stop.length();
        }

        private int extend(int length, char c) {
            int prefix = length;
            while (prefix > 0 && stop.charAt(prefix) != c) {
                prefix = border[prefix];
            }
            return stop.charAt(prefix) == c ? prefix + 1 : 0;
        }

        /** How many of the last characters may begin the string. */
        int matched() {
            return matched;
        }

        int length() {
            return stop.length();
        }
    }
}
