package io.millrace.job.kafka;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.Function;

/** A job that answers each prompt as a script says, one prompt at a time, the oldest first. */
public final class ScriptedJob implements RunningJob {
    private final Function<PromptEvent, CompletionEvent> script;
    private final Queue<PromptEvent> waiting = new ArrayDeque<>();
    /** Prompts that were sent. */
    public final List<PromptEvent> heard = new ArrayList<>();
    /** Conversations that were ended. */
    public final List<String> ended = new ArrayList<>();
    /** Most prompts that waited at a time. */
    public int mostWaiting;

    public ScriptedJob(Function<PromptEvent, CompletionEvent> script) {
        this.script = script;
    }

    @Override
    public void send(PromptEvent prompt) {
        heard.add(prompt);
        waiting.add(prompt);
        mostWaiting = Math.max(mostWaiting, waiting.size());
    }

    @Override
    public void endSession(String conversationId) {
        ended.add(conversationId);
    }

    @Override
    public List<JobClient.Answer> answers() {
        PromptEvent prompt = waiting.remove();
        CompletionEvent completion = script.apply(prompt);
        completion.setRequestId(prompt.getId());
        return List.of(new JobClient.Answer.Completion(completion));
    }
}
