package io.millrace.runtime.prompt;

import io.millrace.runtime.tokenizer.Unicode;

/**
 * A call of a tool by the model. It has no id: prompts have no place for one, so whoever publishes a call names it.
 *
 * @param name the tool's name, not blank
 * @param arguments a JSON object, as text
 */
public record ToolCall(String name, String arguments) {

    /** @throws IllegalArgumentException when the name is blank or the arguments are no JSON object */
    public ToolCall {
        if (name.isBlank()) {
            throw new IllegalArgumentException("tool_calls: a call has no function name");
        }
        JsonText.object("tool_calls: arguments of " + name, arguments);
        // A model can write half a surrogate pair as an escape; it would have no UTF-8 form further down.
        name = Unicode.wellFormed(name);
        arguments = Unicode.wellFormed(arguments);
    }
}
