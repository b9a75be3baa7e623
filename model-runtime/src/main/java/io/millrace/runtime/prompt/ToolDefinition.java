package io.millrace.runtime.prompt;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A tool that the caller offers to the model.
 *
 * @param name the tool's name, not blank
 * @param description what it does, may be empty
 * @param parameters the JSON schema of its arguments, a JSON object as text
 */
public record ToolDefinition(String name, String description, String parameters) {

    /** @throws IllegalArgumentException when the name is blank or the parameters are no JSON object */
    public ToolDefinition {
        if (name.isBlank()) {
            throw new IllegalArgumentException("tools: a function has no name");
        }
        JsonText.object("tools: parameters of " + name, parameters);
    }

    /** The definition as prompts show it: indented JSON. */
    String prompt() {
        ObjectNode tool = JsonText.newObject().put("type", "function");
        ObjectNode function = tool.putObject("function").put("name", name).put("description", description);
        function.set("parameters", JsonText.object("tools: parameters of " + name, parameters));
        return JsonText.indented(tool);
    }
}
