package io.millrace.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.TokenDelta;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.jspecify.annotations.Nullable;

/**
 * What jobs of a test emit, over all their attempts. After a failure a completion can come again; the last one is what a
 * transactional sink would have committed.
 */
final class JobOutput {
    /** By name: an operator that was serialized finds its output. */
    private static final Map<String, JobOutput> OUTPUTS = new ConcurrentHashMap<>();
    private static final long PATIENCE_SECONDS = 60;

    private final String name = "output-" + OUTPUTS.size();
    private final Map<String, CompletionEvent> completions = new ConcurrentHashMap<>();
    private final List<TokenDelta> deltas = new CopyOnWriteArrayList<>();
    private final AtomicInteger checkpoints = new AtomicInteger();
    private volatile @Nullable DeltaGate gate;

    JobOutput() {
        OUTPUTS.put(name, this);
    }

    /** Is called in the task thread with every delta, so the task waits for it; what it throws fails the job. */
    @FunctionalInterface
    interface DeltaGate {
        void pass(TokenDelta delta) throws Exception;
    }

    void gate(@Nullable DeltaGate next) {
        gate = next;
    }

    /** Collects, in the operator's own task. */
    void of(LlamaStreams answers) {
        answers.completions().map(new Completions(name)).name("collect completions").sinkTo(new DiscardingSink<>());
        answers.deltas().map(new Deltas(name)).name("collect deltas").sinkTo(new DiscardingSink<>());
    }

    /** Completions by request. */
    Map<String, CompletionEvent> completions() {
        return Map.copyOf(completions);
    }

    CompletionEvent completion(String request) {
        return Objects.requireNonNull(completions.get(request), "no completion of " + request);
    }

    /** Checkpoints that the job has completed, as far as its tasks know. */
    int checkpoints() {
        return checkpoints.get();
    }

    /** Text of a request as a consumer reads it that keeps deltas by their number; repeated ones must not differ. */
    String said(String request) {
        SortedMap<Integer, String> texts = new TreeMap<>();
        for (TokenDelta delta : deltas(request)) {
            String content = delta.getChoices().getFirst().getDelta().getContent();
            String before = texts.put(delta.getSeq(), content == null ? "" : content);
            assertThat(before).as("delta %s of %s", delta.getSeq(), request).isIn(null, content == null ? "" : content);
        }
        assertThat(texts.keySet()).as(request)
                .containsExactlyElementsOf(IntStream.range(0, texts.size()).boxed().toList());
        return String.join("", texts.values());
    }

    /** Deltas of a request in the order in which they came, repeated ones too. */
    List<TokenDelta> deltas(String request) {
        return deltas.stream().filter(delta -> delta.getRequestId().equals(request)).toList();
    }

    /** Waits until all of these requests have completions. */
    void await(Collection<String> requests) throws InterruptedException {
        awaitThat("completions of " + requests, output -> output.completions.keySet().containsAll(requests));
    }

    void await(String... requests) throws InterruptedException {
        await(List.of(requests));
    }

    void awaitThat(String what, Predicate<JobOutput> condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        while (!condition.test(this)) {
            if (System.nanoTime() > end) {
                throw new AssertionError(
                        "not in " + PATIENCE_SECONDS + " s: " + what + "; completions: " + completions.keySet());
            }
            Thread.sleep(2);
        }
    }

    private static JobOutput named(String name) {
        return Objects.requireNonNull(OUTPUTS.get(name));
    }

    private record Completions(String output) implements MapFunction<CompletionEvent, CompletionEvent> {
        @Override
        public CompletionEvent map(CompletionEvent completion) {
            named(output).completions.put(completion.getRequestId(), completion);
            return completion;
        }
    }

    private record Deltas(String output) implements MapFunction<TokenDelta, TokenDelta>, CheckpointListener {
        @Override
        public void notifyCheckpointComplete(long checkpointId) {
            named(output).checkpoints.incrementAndGet();
        }

        @Override
        public TokenDelta map(TokenDelta delta) throws Exception {
            JobOutput to = named(output);
            to.deltas.add(delta);
            DeltaGate gate = to.gate;
            if (gate != null) {
                gate.pass(delta);
            }
            return delta;
        }
    }
}
