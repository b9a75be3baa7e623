package io.millrace.job.bench.load;

import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.engine.GenerationListener;
import io.millrace.runtime.engine.GenerationRequest;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.engine.Sequence;
import io.millrace.runtime.sampling.SamplingParameters;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Holds the conversations of an earlier load on an engine alone: as many turns, as long prompts and answers, each turn as soon
 * as the one before is answered. What the prompts say is random; it does not matter for the time.
 */
final class EngineLoad {
    private final Engine engine;
    private final int vocabulary;
    private final SplittableRandom random = new SplittableRandom(1);
    private final Queue<TurnTimes> times = new ConcurrentLinkedQueue<>();

    /** @param engine not owned; nobody else uses it meanwhile */
    EngineLoad(Engine engine, int vocabulary) {
        this.engine = engine;
        this.vocabulary = vocabulary;
    }

    /**
     * Holds all conversations and returns when all are over.
     *
     * @param load turns of earlier conversations that kept their history
     * @param heard hears 1 for each token
     */
    List<TurnTimes> run(List<TurnTimes> load, IntConsumer heard) throws InterruptedException {
        Map<Integer, List<TurnTimes>> scripts = load.stream()
                .collect(Collectors.groupingBy(TurnTimes::conversation, TreeMap::new, Collectors.toList()));
        List<Conversation> conversations = scripts.values().stream().map(script -> new Conversation(script, heard))
                .toList();
        conversations.forEach(Conversation::ask);
        try {
            for (Conversation conversation : conversations) {
                conversation.over.get();
            }
        } catch (ExecutionException e) {
            throw new IllegalStateException("a turn failed: " + e.getCause(), e);
        } finally {
            conversations.forEach(conversation -> engine.release(conversation.sequence));
        }
        return List.copyOf(times);
    }

    private final class Conversation implements GenerationListener {
        final CompletableFuture<@Nullable Void> over = new CompletableFuture<>();
        final Sequence sequence = engine.open(this);
        private final List<TurnTimes> script;
        private final IntConsumer heard;
        private final SplittableRandom words = random.split();
        /** Of the whole conversation; its first {@code known} are there. */
        private int[] tokens = {};
        private int known;
        private int turn;
        private long sent;
        private long first;

        Conversation(List<TurnTimes> script, IntConsumer heard) {
            this.script = script.stream().sorted(Comparator.comparingInt(TurnTimes::turn)).toList();
            this.heard = heard;
        }

        void ask() {
            TurnTimes next = script.get(turn);
            tokens = Arrays.copyOf(tokens, next.promptTokens() + next.answerTokens());
            while (known < next.promptTokens()) {
                tokens[known++] = words.nextInt(vocabulary);
            }
            first = 0;
            sent = System.nanoTime();
            engine.submit(sequence,
                    new GenerationRequest("bench-" + next.conversation() + "/" + next.turn(),
                            Arrays.copyOf(tokens, known), 0,
                            SamplingParameters.GREEDY, next.answerTokens(), List.of(), List.of(), -1, 0, Long.MAX_VALUE,
                            "", null));
        }

        @Override
        public void onStep(GenerationStep step) {
            long now = System.nanoTime();
            if (step.token() >= 0) {
                tokens[known++] = step.token();
                heard.accept(1);
            }
            first = first == 0 ? now : first;
            if (step.error() != null) {
                over.completeExceptionally(new IllegalStateException(step.error()));
            } else if (step.finish() != null) {
                TurnTimes done = script.get(turn++);
                times.add(
                        new TurnTimes(done.conversation(), done.turn(), done.promptTokens(), done.answerTokens(), sent,
                                first, now));
                if (turn < script.size()) {
                    ask();
                } else {
                    over.complete(null);
                }
            }
        }

        @Override
        public void onEvictionRequest() {
            // Idle is only who is over.
            engine.release(sequence);
        }

        @Override
        public void onEngineFailure(Throwable cause) {
            over.completeExceptionally(cause);
        }
    }
}
