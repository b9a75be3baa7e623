package io.millrace.job.bench.load;

import io.millrace.job.embedded.EmbeddedJob;
import io.millrace.job.kafka.JobClient;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeltaChoice;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.Usage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntConsumer;

/**
 * Holds conversations through Kafka as their users do: prompts to the one topic, tokens from the other, all by the clock of
 * this client. A turn is over with its last delta; its completion, which becomes visible with a checkpoint, is not waited for.
 */
final class KafkaLoad {
    /** How a conversation's history gets to the model. */
    enum History {
        /** It is the session's: a turn sends its new message only. */
        IN_SESSION,
        /** Every turn sends all messages so far and shares nothing with the turn before, as a stateless server would do it. */
        RESENT
    }

    private static final double NEVER = -100;

    private final EmbeddedJob job;
    private final PromptTexts texts;
    private final Map<String, Double> noStop = new HashMap<>();

    /** @param job not owned */
    KafkaLoad(EmbeddedJob job, Tokenizer tokenizer) {
        this.job = job;
        texts = new PromptTexts(tokenizer);
        tokenizer.specials().stopTokens().forEach(token -> noStop.put(String.valueOf(token), NEVER));
    }

    /**
     * Holds all conversations and returns when all are over.
     *
     * @param name begins the ids of conversations and requests; another one for each call on a job
     * @param heard hears of each piece of an answer, 1; most pieces are a token
     * @return the turns, in the order in which they ended
     * @throws IllegalStateException when a turn is not answered, is answered with an error or in another length
     */
    List<TurnTimes> run(String name, Workload work, History history, IntConsumer heard) {
        return new Run(name, work, history, heard).run();
    }

    private static final class Conversation {
        final int number;
        final List<Message> messages = new ArrayList<>();
        final StringBuilder answer = new StringBuilder();
        int turn;
        long sent;
        long first;

        Conversation(int number) {
            this.number = number;
        }
    }

    private final class Run {
        private final String name;
        private final Workload work;
        private final History history;
        private final IntConsumer heard;
        /** By the id of the request that waits for its answer. */
        private final Map<String, Conversation> waiting = new HashMap<>();
        private final List<TurnTimes> times = new ArrayList<>();

        Run(String name, Workload work, History history, IntConsumer heard) {
            this.name = name;
            this.work = work;
            this.history = history;
            this.heard = heard;
        }

        List<TurnTimes> run() {
            for (int i = 0; i < work.conversations(); i++) {
                ask(new Conversation(i));
            }
            while (!waiting.isEmpty()) {
                List<JobClient.Answer> answers = job.answers();
                long now = System.nanoTime();
                for (JobClient.Answer answer : answers) {
                    switch (answer) {
                        case JobClient.Answer.Delta(TokenDelta delta) -> hear(delta, now);
                        case JobClient.Answer.Completion(CompletionEvent completion) -> requireNoError(completion);
                    }
                }
            }
            return List.copyOf(times);
        }

        private void ask(Conversation conversation) {
            conversation.turn++;
            String text = texts.random(work.prompt(), Objects.hash(name, conversation.number, conversation.turn));
            Message message = Message.newBuilder().setRole("user").setContent(text).build();
            String session = name + "-" + conversation.number;
            String id = session + "/" + conversation.turn;
            PromptEvent.Builder prompt = PromptEvent.newBuilder().setId(id).setStream(true).setTemperature(0.0)
                    .setMaxCompletionTokens(work.answer()).setLogitBias(noStop);
            switch (history) {
                case IN_SESSION -> prompt.setConversationId(session).setMessages(List.of(message));
                case RESENT -> {
                    conversation.messages.add(message);
                    prompt.setMessages(List.copyOf(conversation.messages)).setCacheSalt(id);
                }
            }
            waiting.put(id, conversation);
            PromptEvent event = prompt.build();
            conversation.sent = System.nanoTime();
            job.send(event);
        }

        private void hear(TokenDelta delta, long now) {
            Conversation conversation = waiting.get(delta.getRequestId());
            DeltaChoice choice = delta.getChoices().getFirst();
            String reason = choice.getFinishReason();
            if (conversation == null || "error".equals(reason)) {
                // Why it failed is in the completion, which follows.
                return;
            }
            if (delta.getSeq() == 0) {
                conversation.first = now;
            }
            String text = choice.getDelta().getContent();
            conversation.answer.append(text == null ? "" : text);
            heard.accept(1);
            if (reason != null) {
                over(conversation, delta, reason, now);
            }
        }

        private void over(Conversation conversation, TokenDelta last, String reason, long now) {
            Usage usage = Objects.requireNonNull(last.getUsage(), "the last delta has the usage");
            if (usage.getCompletionTokens() != work.answer()) {
                throw new IllegalStateException(last.getRequestId() + ": an answer of " + usage.getCompletionTokens()
                        + " tokens (" + reason + ") instead of " + work.answer());
            }
            waiting.remove(last.getRequestId());
            times.add(new TurnTimes(conversation.number, conversation.turn, usage.getPromptTokens(),
                    usage.getCompletionTokens(), conversation.sent, conversation.first, now));
            conversation.messages.add(
                    Message.newBuilder().setRole("assistant").setContent(conversation.answer.toString()).build());
            conversation.answer.setLength(0);
            if (conversation.turn < work.turns()) {
                ask(conversation);
            }
        }
    }

    private static void requireNoError(CompletionEvent completion) {
        CompletionError error = completion.getError();
        if (error != null) {
            throw new IllegalStateException(completion.getRequestId() + ": " + error.getMessage());
        }
    }
}
