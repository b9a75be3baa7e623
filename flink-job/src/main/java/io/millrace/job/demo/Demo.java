package io.millrace.job.demo;

import io.millrace.job.embedded.EmbeddedCluster;
import io.millrace.job.format.EventFormatException;
import io.millrace.job.kafka.JobClient;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.Usage;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Conversations that run at the same time, each sending its next turn when the one before is answered. Only the new message
 * is sent: the history is in the session.
 */
public final class Demo {
    private static final Duration POLL = Duration.ofMillis(50);
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final int MAX_TOKENS = 48;

    private final EmbeddedCluster cluster;
    private final DemoScreen screen;
    private final PrintWriter out;
    private final JobClient client;
    private final Map<String, Asked> asked = new HashMap<>();
    private int answered;
    private int failed;
    private long promptTokens;
    private long cachedTokens;
    private long generatedTokens;

    /** A turn that waits for its answer. */
    private record Asked(SampleConversation conversation, int turn) {}

    private Demo(EmbeddedCluster cluster, JobClient client, PrintWriter out) {
        this.cluster = cluster;
        this.client = client;
        this.out = out;
        this.screen = new DemoScreen(out);
    }

    /**
     * Runs the conversations and prints what happens, then a summary.
     *
     * @return whether every turn was answered, none with an error
     */
    public static boolean run(EmbeddedCluster cluster, KafkaSettings kafka, int conversations, int turns,
            PrintWriter out) {
        try (JobClient client = new JobClient(kafka)) {
            return new Demo(cluster, client, out).run(conversations, turns);
        } catch (EventFormatException e) {
            throw new IllegalStateException("an answer of the job cannot be read: " + e.getMessage(), e);
        }
    }

    private boolean run(int conversations, int turns) throws EventFormatException {
        long started = System.nanoTime();
        List<SampleConversation> scripts = new ArrayList<>();
        for (int i = 0; i < conversations; i++) {
            scripts.add(SampleConversation.of(i, turns));
        }
        for (SampleConversation script : scripts) {
            ask(script, 1);
        }
        long heard = System.nanoTime();
        while (!asked.isEmpty() && System.nanoTime() - heard < PATIENCE.toNanos()) {
            List<JobClient.Answer> answers = client.poll(POLL);
            if (!answers.isEmpty()) {
                heard = System.nanoTime();
            }
            for (JobClient.Answer answer : answers) {
                hear(answer);
            }
        }
        summarize(conversations * turns, (System.nanoTime() - started) / 1e9);
        return answered == conversations * turns && failed == 0;
    }

    private void ask(SampleConversation conversation, int turn) {
        String text = conversation.turns().get(turn - 1);
        List<Message> messages = new ArrayList<>();
        if (turn == 1) {
            messages.add(Message.newBuilder().setRole("system").setContent(conversation.system()).build());
        }
        messages.add(Message.newBuilder().setRole("user").setContent(text).build());
        PromptEvent prompt = PromptEvent.newBuilder().setId(conversation.id() + "/" + turn)
                .setConversationId(conversation.id()).setTurn(turn).setStream(true).setMessages(messages)
                .setMaxCompletionTokens(MAX_TOKENS).build();
        asked.put(prompt.getId(), new Asked(conversation, turn));
        screen.asked(prompt.getId(), conversation.id(), turn, text);
        client.send(prompt);
    }

    private void hear(JobClient.Answer answer) {
        switch (answer) {
            case JobClient.Answer.Delta(TokenDelta delta) -> {
                String text = delta.getChoices().isEmpty()
                        ? null
                        : delta.getChoices().getFirst().getDelta().getContent();
                screen.streamed(delta.getRequestId(), text == null ? "" : text);
            }
            case JobClient.Answer.Completion(CompletionEvent completion) -> {
                Asked turn = asked.remove(completion.getRequestId());
                if (turn != null) {
                    screen.answered(completion);
                    count(completion);
                    if (turn.turn() < turn.conversation().turns().size()) {
                        ask(turn.conversation(), turn.turn() + 1);
                    }
                }
            }
        }
    }

    private void count(CompletionEvent completion) {
        answered++;
        failed += completion.getError() == null ? 0 : 1;
        Usage usage = completion.getUsage();
        if (usage != null) {
            promptTokens += usage.getPromptTokens();
            cachedTokens += DemoScreen.cached(usage);
            generatedTokens += usage.getCompletionTokens();
        }
    }

    private void summarize(int turns, double seconds) {
        out.println();
        out.printf(Locale.ROOT,
                "%d of %d turns answered in %.1f s, %d with an error. %d tokens generated; %d of %d prompt tokens "
                        + "were in the KV cache: a conversation's own turns, and the beginning that all share.%n",
                answered, turns, seconds, failed, generatedTokens, cachedTokens,
                promptTokens);
        if (answered < turns) {
            Optional<String> failure = cluster.failure();
            out.printf("Nothing was heard for %d s; the job is %s%s.%n", PATIENCE.toSeconds(), cluster.status(),
                    failure.map(cause -> ", it failed with: " + cause).orElse(""));
        }
        out.flush();
    }
}
