package io.millrace.operator.session;

import io.millrace.operator.OverflowPolicy;
import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.ToolDefinition;
import io.millrace.runtime.sampling.SamplingParameters;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A prompt event that passed validation, with every default filled in.
 *
 * @param turn the turn it must be, or null for whichever is next
 * @param tools definitions that it brings, also ones that the conversation knows
 * @param callsTools false when this turn's answer is text whatever it looks like
 * @param maxNewTokens before the context's limit
 * @param topLogprobs alternatives per token; -1 when no log probabilities are wanted
 * @param deadlineMillis from acceptance, or null for none
 * @param overflow when its conversation would become too long
 */
record Prompt(String id, @Nullable Integer turn, List<Message> messages, List<ToolDefinition> tools,
        Set<BuiltInTool> builtInTools, boolean callsTools, SamplingParameters sampling, int maxNewTokens,
        List<String> stop, int topLogprobs, int priority, @Nullable Long deadlineMillis, boolean stream,
        OverflowPolicy overflow) {}
