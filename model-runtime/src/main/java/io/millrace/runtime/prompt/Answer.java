package io.millrace.runtime.prompt;

import java.util.List;

/** What the model's answer is. */
public sealed interface Answer {

    /** The answer is its text. */
    record Content(String text) implements Answer {}

    /**
     * The answer calls tools and awaits their results.
     *
     * @param content text around the calls, mostly empty
     * @param calls at least one, in the order of the answer
     */
    record ToolCalls(String content, List<ToolCall> calls) implements Answer {
        public ToolCalls {
            calls = List.copyOf(calls);
        }
    }
}
