package io.millrace.job.eval;

import io.millrace.job.kafka.JobClient;
import io.millrace.job.kafka.RunningJob;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.Function;

/** A job that answers each prompt as a script says, one prompt at a time, the oldest first. */
final class ScriptedJob implements RunningJob {
    private final Function<PromptEvent, CompletionEvent> script;
    private final Queue<PromptEvent> waiting = new ArrayDeque<>();
    final List<PromptEvent> heard = new ArrayList<>();
    final List<String> ended = new ArrayList<>();
    int mostWaiting;

    ScriptedJob(Function<PromptEvent, CompletionEvent> script) {
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
