package io.millrace.job.format;

import org.jspecify.annotations.Nullable;

/** Where in a JSON document something is, written as {@code messages[0].content}. A null path is the document. */
record JsonPath(@Nullable JsonPath parent, Object step) {

    static JsonPath field(@Nullable JsonPath parent, String name) {
        return new JsonPath(parent, name);
    }

    static JsonPath element(@Nullable JsonPath parent, int index) {
        return new JsonPath(parent, index);
    }

    static String text(@Nullable JsonPath path) {
        return path == null ? "the event" : path.toString();
    }

    @Override
    public String toString() {
        String before = parent == null ? "" : parent.toString();
        return switch (step) {
            case Integer index -> before + '[' + index + ']';
            default -> before.isEmpty() ? step.toString() : before + '.' + step;
        };
    }
}
