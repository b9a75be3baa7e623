package io.millrace.runtime.prompt;

import io.millrace.runtime.text.OneLine;

/** Who speaks a message, as Llama 3.1 knows it. */
public enum Role {
    SYSTEM("system"), USER("user"), ASSISTANT("assistant"),
    /** The result of a tool. */
    IPYTHON("ipython");

    private final String header;

    Role(String header) {
        this.header = header;
    }

    /** The role's name in a message header. */
    public String header() {
        return header;
    }

    /**
     * The role of an event's message. OpenAI's {@code tool} is Llama's {@code ipython}.
     *
     * @throws IllegalArgumentException for any other name
     */
    public static Role parse(String name) {
        return switch (name) {
            case "system" -> SYSTEM;
            case "user" -> USER;
            case "assistant" -> ASSISTANT;
            case "tool", "ipython" -> IPYTHON;
            default -> throw new IllegalArgumentException(
                    "role: unknown role '" + OneLine.of(name) + "', expected system, user, assistant, tool or ipython");
        };
    }
}
