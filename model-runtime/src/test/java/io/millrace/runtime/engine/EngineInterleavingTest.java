package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.engine.Recorder.Outcome;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Conversations that share a small arena, in every order that chance gives: turns are cancelled and resumed, sequences are
 * saved, released and restored, blocks are taken; all begin alike, and with or without a prefix cache and speculation. Each
 * turn's tokens are those of its whole history computed at once, alone.
 */
class EngineInterleavingTest {
    private static final int CONVERSATIONS = 6;
    private static final int TURNS = 3;
    private static final int NEW_TOKENS = 12;

    private static TinyLlama llama;
    /** All conversations begin with it. */
    private static int[] system = {};
    /** For each conversation and turn what an undisturbed engine gives. */
    private static final List<List<ExpectedTurn>> EXPECTED = new ArrayList<>();

    private record ExpectedTurn(int[] prompt, Outcome outcome) {}

    private record Event(Conversation conversation, @Nullable GenerationStep step) {}

    @BeforeAll
    static void write() throws IOException, InterruptedException {
        llama = new TinyLlama();
        system = llama.prompt(99, 21);
        try (Engine engine = llama.start(llama.options(100))) {
            for (int i = 0; i < CONVERSATIONS; i++) {
                List<ExpectedTurn> turns = new ArrayList<>();
                int[] history = system;
                for (int t = 0; t < TURNS; t++) {
                    int[] news = llama.prompt(10 * i + t, 3 + 11 * i * (t + 1) % 37);
                    int[] prompt = IntStream.concat(IntStream.of(history), IntStream.of(news)).toArray();
                    Recorder recorder = new Recorder();
                    Sequence sequence = engine.open(recorder);
                    engine.submit(sequence, request(i, prompt).build());
                    turns.add(new ExpectedTurn(prompt, recorder.outcome()));
                    history = turns.getLast().outcome().after(prompt);
                    engine.release(sequence);
                }
                EXPECTED.add(turns);
            }
        }
    }

    @AfterAll
    static void delete() throws IOException {
        llama.close();
    }

    static IntStream seeds() {
        return IntStream.range(0, 300);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void textsDoNotDependOnTheInterleaving(int seed) throws InterruptedException {
        Random random = new Random(seed);
        LinkedBlockingQueue<Event> events = new LinkedBlockingQueue<>();
        EngineOptions options = llama.options(13 + random.nextInt(12)).withMaxNumSeqs(1 + random.nextInt(6))
                .withMaxNumBatchedTokens(1 + random.nextInt(40)).withThreads(1 + random.nextInt(2))
                .withPrefixCaching(random.nextInt(4) > 0).withSpeculation(random.nextInt(5), 1 + random.nextInt(2));
        try (Engine engine = llama.start(options)) {
            int open = 1 + random.nextInt(CONVERSATIONS);
            for (int i = 0; i < open; i++) {
                new Conversation(i, engine, events, random).submit();
            }
            while (open > 0) {
                Event event = events.poll(Recorder.PATIENCE_SECONDS, TimeUnit.SECONDS);
                assertThat(event).as("an event, with %s", engine.stats()).isNotNull();
                if (event.step == null) {
                    event.conversation.evict();
                } else if (event.conversation.hear(event.step)) {
                    open--;
                }
            }
            assertThat(events).noneMatch(event -> event.step != null);
        }
    }

    private static Request request(int conversation, int[] prompt) {
        Request request = Request.of(prompt).maxNewTokens(NEW_TOKENS).topLogprobs(-1);
        return conversation % 2 == 0 ? request : request.sampling(Request.sampled(conversation));
    }

    /** Drives one conversation through its turns; lives on the test's thread. */
    private static final class Conversation implements GenerationListener {
        private final int number;
        private final Engine engine;
        private final LinkedBlockingQueue<Event> events;
        private final Random random;
        private final Sequence sequence;
        private final List<Integer> generated = new ArrayList<>();
        private @Nullable HeapKv saved;
        private int turn;
        private boolean running;

        Conversation(int number, Engine engine, LinkedBlockingQueue<Event> events, Random random) {
            this.number = number;
            this.engine = engine;
            this.events = events;
            this.random = random;
            this.sequence = engine.open(this);
        }

        void submit() {
            int[] prompt = EXPECTED.get(number).get(turn).prompt();
            int[] tokens = IntStream.concat(IntStream.of(prompt), generated.stream().mapToInt(i -> i)).toArray();
            engine.submit(sequence, request(number, prompt).tokens(tokens).generated(generated.size())
                    .priority(random.nextInt(3)).cached(saved).build());
            running = true;
        }

        /** True when the conversation is over. */
        boolean hear(GenerationStep step) {
            if (step.token() >= 0) {
                generated.add(step.token());
            }
            if (step.finish() == null) {
                switch (random.nextInt(25)) {
                    case 0 -> engine.cancel(sequence);
                    case 1 -> saved = HeapKv.read(sequence, engine.kvLayout());
                    case 2 -> engine.release(sequence);
                    default -> {
                    }
                }
                return false;
            }
            running = false;
            Outcome expected = EXPECTED.get(number).get(turn).outcome();
            if (step.finish() == FinishReason.CANCELLED) {
                assertThat(generated).isEqualTo(expected.tokens().subList(0, generated.size()));
            } else {
                assertThat(step.finish()).as(step.error()).isEqualTo(FinishReason.LENGTH);
                assertThat(generated).isEqualTo(expected.tokens());
                generated.clear();
                turn++;
            }
            if (random.nextInt(3) == 0) {
                evict();
            }
            if (turn == TURNS) {
                engine.release(sequence);
                return true;
            }
            submit();
            return false;
        }

        /** Saves and releases, unless a turn began since the request. */
        void evict() {
            if (!running) {
                saved = HeapKv.read(sequence, engine.kvLayout());
                engine.release(sequence);
            }
        }

        @Override
        public void onStep(GenerationStep step) {
            events.add(new Event(this, step));
        }

        @Override
        public void onEvictionRequest() {
            events.add(new Event(this, null));
        }

        @Override
        public void onEngineFailure(Throwable cause) {
            throw new AssertionError(cause);
        }
    }
}
