package io.millrace.operator.session;

/**
 * Says how much of a running turn's text may go out in deltas. Where tools were offered, text that may turn out to be a tool
 * call waits for the turn's end, and so does white space, which would be trimmed beside one.
 */
final class StreamGate {
    private static final String FUNCTION = "<function=";

    private StreamGate() {}

    /**
     * How many characters of {@code text} are content whatever follows.
     *
     * @param said characters that were content before
     * @param tools whether the answer can be tool calls
     */
    static int open(StringBuilder text, int said, boolean tools) {
        if (!tools) {
            return text.length();
        }
        if (said == 0 && !text.isEmpty() && beginsCall(text.charAt(0))) {
            return 0;
        }
        int open = beforeFunction(text, said);
        while (open > said && Character.isWhitespace(text.charAt(open - 1))) {
            open--;
        }
        return open;
    }

    private static boolean beginsCall(char first) {
        return first == '{' || first == '[' || Character.isWhitespace(first);
    }

    /** Where {@code <function=} begins, or may begin when its first characters are the text's last. */
    private static int beforeFunction(StringBuilder text, int from) {
        int found = text.indexOf(FUNCTION, from);
        if (found >= 0) {
            return found;
        }
        for (int i = Math.max(from, text.length() - FUNCTION.length() + 1); i < text.length(); i++) {
            if (FUNCTION.startsWith(text.substring(i))) {
                return i;
            }
        }
        return text.length();
    }
}
