package io.millrace.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** How inputs are cut, and what holds for every error that a reader gives. */
public final class Inputs {
    /** Between the files of an input that stands for several. */
    public static final String SEPARATOR = "\n=====\n";
    private static final byte[] SEPARATOR_BYTES = SEPARATOR.getBytes(StandardCharsets.US_ASCII);
    private static final int MOST_SECTIONS = 8;
    private static final int LONGEST_MESSAGE = 2000;

    private Inputs() {}

    /** What is between the separators; at least one section, at most 8. */
    public static List<byte[]> sections(byte[] input) {
        List<byte[]> sections = new ArrayList<>();
        int from = 0;
        for (int at = 0; at + SEPARATOR_BYTES.length <= input.length && sections.size() + 1 < MOST_SECTIONS;) {
            if (Arrays.equals(input, at, at + SEPARATOR_BYTES.length, SEPARATOR_BYTES, 0, SEPARATOR_BYTES.length)) {
                sections.add(Arrays.copyOfRange(input, from, at));
                at += SEPARATOR_BYTES.length;
                from = at;
            } else {
                at++;
            }
        }
        sections.add(Arrays.copyOfRange(input, from, input.length));
        return sections;
    }

    public static String text(byte[] input) {
        return new String(input, StandardCharsets.UTF_8);
    }

    /** An error is one line of limited length that names its subject. */
    public static void requireOneLine(Exception error, String subject) {
        String message = String.valueOf(error.getMessage());
        require(message.startsWith(subject), "does not name " + subject, error);
        require(message.length() <= LONGEST_MESSAGE, "is " + message.length() + " characters long", error);
        require(message.lines().count() == 1 && message.chars().noneMatch(Character::isISOControl),
                "is not one line", error);
    }

    private static void require(boolean holds, String problem, Exception error) {
        if (!holds) {
            throw new AssertionError("the message " + problem + ": " + error.getMessage(), error);
        }
    }
}
