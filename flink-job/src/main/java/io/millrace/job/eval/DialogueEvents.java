package io.millrace.job.eval;

import io.millrace.runtime.prompt.Answer;
import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.runtime.prompt.ToolDefinition;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.FunctionDefinition;
import io.millrace.schemas.Tool;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Dialogues in the words of the job's events, and its answers in those of dialogues. */
public final class DialogueEvents {
    private DialogueEvents() {}

    /** Messages as a prompt event has them. */
    public static List<io.millrace.schemas.Message> messages(List<Message> messages) {
        return messages.stream().map(DialogueEvents::message).toList();
    }

    private static io.millrace.schemas.Message message(Message message) {
        List<io.millrace.schemas.ToolCall> calls = message.toolCalls().stream()
                .map(call -> io.millrace.schemas.ToolCall.newBuilder()
                        .setFunction(new FunctionCall(call.name(), call.arguments())).build())
                .toList();
        return io.millrace.schemas.Message.newBuilder().setRole(message.role().header())
                .setContent(message.content()).setToolCalls(calls).build();
    }

    /** Tools as a prompt event has them. */
    public static List<Tool> tools(List<ToolDefinition> definitions, Set<BuiltInTool> builtIn) {
        List<Tool> tools = new ArrayList<>();
        for (ToolDefinition tool : definitions) {
            tools.add(Tool.newBuilder().setFunction(FunctionDefinition.newBuilder().setName(tool.name())
                    .setDescription(tool.description()).setParameters(tool.parameters()).build()).build());
        }
        for (BuiltInTool tool : builtIn) {
            tools.add(Tool.newBuilder().setType(tool.toolName()).build());
        }
        return tools;
    }

    /** What the model said; an empty text when it said nothing, because of an error. */
    public static Answer answer(CompletionEvent completion) {
        io.millrace.schemas.Message message = completion.getChoices().isEmpty()
                ? null
                : completion.getChoices().getFirst().getMessage();
        if (message == null) {
            return new Answer.Content("");
        }
        String content = message.getContent() == null ? "" : message.getContent();
        List<ToolCall> calls = message.getToolCalls().stream()
                .map(call -> new ToolCall(call.getFunction().getName(), call.getFunction().getArguments())).toList();
        return calls.isEmpty() ? new Answer.Content(content) : new Answer.ToolCalls(content, calls);
    }
}
