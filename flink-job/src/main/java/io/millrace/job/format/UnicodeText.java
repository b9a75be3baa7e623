package io.millrace.job.format;

/** UTF-16 text from outside may hold half a code point, which no encoding can carry. */
final class UnicodeText {
    private static final char REPLACEMENT = '\uFFFD';

    private UnicodeText() {}

    /** Index of the first surrogate without its other half, or -1. */
    static int unpairedSurrogate(CharSequence text) {
        return unpairedSurrogate(text, 0);
    }

    private static int unpairedSurrogate(CharSequence text, int from) {
        for (int i = from; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (!Character.isHighSurrogate(c) || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    return i;
                }
                i++;
            }
        }
        return -1;
    }

    /** The text with U+FFFD for every surrogate without its other half. */
    static String wellFormed(String text) {
        int at = unpairedSurrogate(text);
        if (at < 0) {
            return text;
        }
        StringBuilder out = new StringBuilder(text);
        while (at >= 0) {
            out.setCharAt(at, REPLACEMENT);
            at = unpairedSurrogate(out, at + 1);
        }
        return out.toString();
    }
}
