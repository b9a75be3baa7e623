package io.millrace.runtime.prompt;

/** A tool that Llama 3.1 was trained to call without a definition; a line of the system message turns it on. */
public enum BuiltInTool {
    /** The answer is Python code to be run. */
    CODE_INTERPRETER("code_interpreter", "code"), BRAVE_SEARCH("brave_search", "query"),
    WOLFRAM_ALPHA("wolfram_alpha", "query");

    private final String toolName;
    private final String argument;

    BuiltInTool(String toolName, String argument) {
        this.toolName = toolName;
        this.argument = argument;
    }

    /** The name in prompts and in tool calls. */
    public String toolName() {
        return toolName;
    }

    /** The name of the tool's only argument, a string. */
    public String argument() {
        return argument;
    }

    /** A call of this tool. */
    ToolCall call(String value) {
        return new ToolCall(toolName, JsonText.compact(JsonText.newObject().put(argument, value)));
    }
}
