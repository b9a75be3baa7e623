package io.millrace.runtime.tokenizer;

/**
 * Cuts text into the pieces that byte-pair merges stay within. This is Llama 3's split expression, written by hand so that
 * neither its stack nor its time depends on the text: every character is looked at a bounded number of times.
 *
 * <pre>
 * (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * </pre>
 *
 * The alternatives are tried from left to right, as in that expression. Every code point begins one of them, so the pieces
 * cover the text.
 */
final class PieceSplitter {
    /** The expression as {@code tokenizer.json} files write it. */
    static final String EXPRESSION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private enum Kind {
        LETTER, NUMBER, LINE_BREAK, SPACE, OTHER
    }

    private final String text;

    PieceSplitter(String text) {
        this.text = text;
    }

    /** The end of the piece that begins at {@code start}, which is within the text. */
    int end(int start) {
        int first = text.codePointAt(start);
        int second = start + Character.charCount(first);
        if (first == '\'') {
            int end = contraction(second);
            if (end > second) {
                return end;
            }
        }
        boolean beforeLetters = isKind(second, Kind.LETTER);
        return switch (kind(first)) {
            case LETTER -> run(second, Kind.LETTER);
            case NUMBER -> numbers(second);
            case OTHER -> beforeLetters ? run(second, Kind.LETTER) : others(second);
            case SPACE -> beforeLetters
                    ? run(second, Kind.LETTER)
                    : first == ' ' && isKind(second, Kind.OTHER) ? others(second) : whiteSpace(start);
            case LINE_BREAK -> whiteSpace(start);
        };
    }

    /** Whether the piece that begins with this character is a number. */
    static boolean isNumber(int first) {
        return kind(first) == Kind.NUMBER;
    }

    /** The end of the contraction whose apostrophe ends at {@code i}, or {@code i} when there is none. */
    private int contraction(int i) {
        int next = folded(i);
        return switch (next) {
            case 's', 't', 'm', 'd' -> i + 1;
            case 'r', 'v' -> folded(i + 1) == 'e' ? i + 2 : i;
            case 'l' -> folded(i + 1) == 'l' ? i + 2 : i;
            default -> i;
        };
    }

    /** Case-folded; besides the ASCII letters only the long s folds into a letter of a contraction. */
    private int folded(int i) {
        if (i >= text.length()) {
            return -1;
        }
        char c = text.charAt(i);
        return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c == '\u017F' ? 's' : c;
    }

    private int numbers(int second) {
        int end = second;
        for (int count = 1; count < 3 && isKind(end, Kind.NUMBER); count++) {
            end = next(end);
        }
        return end;
    }

    private int others(int from) {
        return run(run(from, Kind.OTHER), Kind.LINE_BREAK);
    }

    /** White space up to its last line break; else all but the last, which belongs to what follows; else all. */
    private int whiteSpace(int start) {
        int end = start;
        int afterBreak = start;
        while (end < text.length() && Unicode.isWhiteSpace(text.charAt(end))) {
            char c = text.charAt(end++);
            if (c == '\n' || c == '\r') {
                afterBreak = end;
            }
        }
        if (afterBreak > start) {
            return afterBreak;
        }
        return end == text.length() || end == start + 1 ? end : end - 1;
    }

    private int run(int from, Kind kind) {
        int end = from;
        while (isKind(end, kind)) {
            end = next(end);
        }
        return end;
    }

    private int next(int i) {
        return i + Character.charCount(text.codePointAt(i));
    }

    private boolean isKind(int i, Kind kind) {
        return i < text.length() && kind(text.codePointAt(i)) == kind;
    }

    private static Kind kind(int codePoint) {
        if (codePoint < 0x80) {
            return ASCII[codePoint];
        }
        return classify(codePoint);
    }

    private static Kind classify(int codePoint) {
        if (codePoint == '\n' || codePoint == '\r') {
            return Kind.LINE_BREAK;
        }
        if (Unicode.isWhiteSpace(codePoint)) {
            return Kind.SPACE;
        }
        return switch (Character.getType(codePoint)) {
            case Character.UPPERCASE_LETTER, Character.LOWERCASE_LETTER, Character.TITLECASE_LETTER,
                    Character.MODIFIER_LETTER, Character.OTHER_LETTER ->
                Kind.LETTER;
            case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> Kind.NUMBER;
            default -> Kind.OTHER;
        };
    }

    private static final Kind[] ASCII = new Kind[0x80];

    static {
        for (int c = 0; c < ASCII.length; c++) {
            ASCII[c] = classify(c);
        }
    }
}
