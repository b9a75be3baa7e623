package io.millrace.training.desk;

import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.ToolDefinition;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A conversation with the desk, with the answers it should get.
 *
 * @param id names the dialogue; the same id is the same dialogue
 * @param skill what it tests
 * @param language what its customer writes
 * @param tools definitions that the first exchange introduces
 * @param builtIn built-in tools that the first exchange turns on
 * @param exchanges the turns, at least one
 */
public record Dialogue(String id, Skill skill, Language language, List<ToolDefinition> tools, Set<BuiltInTool> builtIn,
        List<Exchange> exchanges) {
    /** @throws IllegalArgumentException when there is no exchange */
    public Dialogue {
        tools = List.copyOf(tools);
        builtIn = builtIn.isEmpty() ? Set.of() : Collections.unmodifiableSet(EnumSet.copyOf(builtIn));
        exchanges = List.copyOf(exchanges);
        if (exchanges.isEmpty()) {
            throw new IllegalArgumentException("dialogue " + id + ": it has no exchange");
        }
    }
}
