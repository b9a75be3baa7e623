package io.millrace.runtime.tokenizer;

/**
 * The Unicode questions that the tokenizer and the prompt format ask. White space is the property {@code White_Space} of
 * the Unicode Character Database, which is what {@code \s} means in Llama's split expression; it differs from Java's
 * {@code Character.isWhitespace} in the no-break spaces and in U+0085.
 */
public final class Unicode {
    private Unicode() {}

    /** Whether the character has the property {@code White_Space}; every such code point is a single {@code char}. */
    public static boolean isWhiteSpace(int codePoint) {
        return switch (codePoint) {
            case '\t', '\n', 0x0B, '\f', '\r', ' ', 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 -> true;
            default -> codePoint >= 0x2000 && codePoint <= 0x200A;
        };
    }

    /** The text without white space at both ends. */
    public static String trim(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && isWhiteSpace(text.charAt(from))) {
            from++;
        }
        while (to > from && isWhiteSpace(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    /** The text with U+FFFD in place of every surrogate that has no partner, so that it has a UTF-8 form. */
    public static String wellFormed(String text) {
        int bad = unpairedSurrogate(text, 0);
        if (bad < 0) {
            return text;
        }
        StringBuilder repaired = new StringBuilder(text);
        for (; bad >= 0; bad = unpairedSurrogate(text, bad + 1)) {
            repaired.setCharAt(bad, '\uFFFD');
        }
        return repaired.toString();
    }

    private static int unpairedSurrogate(String text, int from) {
        for (int i = from; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (Character.isLowSurrogate(c) || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    return i;
                }
                i++;
            }
        }
        return -1;
    }

    /** Bytes of the UTF-8 form of {@code text[from, to)}, which holds no unpaired surrogate. */
    static int utf8Length(String text, int from, int to) {
        int length = 0;
        for (int i = from; i < to; i++) {
            char c = text.charAt(i);
            length += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
        }
        return length;
    }
}
