package io.millrace.runtime.text;

/**
 * Messages that quote what came from outside, a tensor's name or a JSON key, and still are one line of limited length: what
 * a file or an event holds can neither forge a line of a log nor fill it.
 */
public final class OneLine {
    private static final int MAX_CHARS = 400;

    private OneLine() {}

    /** The text with an escape for every character that controls a terminal or breaks a line, cut off after 400 characters. */
    public static String of(String text) {
        if (text.length() <= MAX_CHARS && text.chars().noneMatch(OneLine::isControl)) {
            return text;
        }
        var line = new StringBuilder();
        for (int i = 0; i < text.length() && line.length() <= MAX_CHARS; i++) {
            char c = text.charAt(i);
            if (isControl(c)) {
                line.append(escape(c));
            } else {
                line.append(c);
            }
        }
        return line.length() <= MAX_CHARS ? line.toString() : line.substring(0, MAX_CHARS) + "...";
    }
    private static boolean isControl(int c) {
        return Character.isISOControl(c) || c == 0x2028 || c == 0x2029;
    }

    private static String escape(char c) {
        return switch (c) {
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> "\\u%04x".formatted((int) c);
        };
    }
}
