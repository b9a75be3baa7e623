package io.millrace.runtime.engine;

import io.millrace.runtime.sampling.Alternative;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.engine.Recorder.Outcome;
import io.millrace.runtime.sampling.SamplingParameters;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a request generates does not depend on what it is computed with. */
class EngineBatchingTest {
    private static TinyLlama llama;

    @BeforeAll
    static void write() throws IOException {
        llama = new TinyLlama();
    }

    @AfterAll
    static void delete() throws IOException {
        llama.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void batchedTextsEqualThoseOfEachRequestAlone(boolean sampled) throws InterruptedException {
        List<Request> requests = requests(24, sampled);
        List<Outcome> alone = new ArrayList<>();
        for (Request request : requests) {
            alone.addAll(run(llama.options(64), List.of(request)));
        }
        assertThat(run(llama.options(400), requests)).isEqualTo(alone);
        assertThat(run(llama.options(400).withMaxNumSeqs(5).withThreads(2), requests)).isEqualTo(alone);
    }

    @ParameterizedTest
    @CsvSource({"1, false", "7, false", "64, false", "512, false", "1, true", "7, true", "64, true", "512, true"})
    void chunkSizeDoesNotChangeTexts(int maxNumBatchedTokens, boolean sampled) throws InterruptedException {
        List<Request> requests = requests(6, sampled);
        List<Outcome> reference = run(llama.options(400).withMaxNumBatchedTokens(100), requests);
        assertThat(run(llama.options(400).withMaxNumBatchedTokens(maxNumBatchedTokens), requests))
                .isEqualTo(reference);
    }

    @Test
    void sampledTextsDependOnTheSeed() throws InterruptedException {
        Request request = Request.of(llama.prompt(1, 10));
        List<Outcome> outcomes = run(llama.options(64),
                List.of(request.sampling(Request.sampled(1)), request.sampling(Request.sampled(2)),
                        request.sampling(Request.sampled(1))));
        assertThat(outcomes.get(0)).isEqualTo(outcomes.get(2)).isNotEqualTo(outcomes.get(1));
    }

    @Test
    void textsSurvivePreemption() throws InterruptedException {
        List<Request> requests = requests(10, true);
        List<Outcome> reference = run(llama.options(400), requests);
        try (Engine engine = llama.start(llama.options(14))) {
            assertThat(run(engine, requests)).isEqualTo(reference);
            assertThat(engine.stats().preemptions()).isPositive();
        }
    }

    @Test
    void logprobsAreOfTheRawLogitsAndListTheMostLikelyFirst() throws InterruptedException {
        int[] prompt = llama.prompt(4, 12);
        Outcome greedy = run(llama.options(64), List.of(Request.of(prompt).topLogprobs(3))).getFirst();
        for (int i = 0; i < greedy.tokens().size(); i++) {
            List<Alternative> top = greedy.alternatives().get(i);
            assertThat(top).hasSize(3);
            assertThat(top.get(0))
                    .isEqualTo(new Alternative(greedy.tokens().get(i), greedy.logprobs().get(i)));
            assertThat(top.get(0).logprob()).isNegative().isGreaterThanOrEqualTo(top.get(1).logprob());
            assertThat(top.get(1).logprob()).isGreaterThanOrEqualTo(top.get(2).logprob());
        }
        // A hot draw from the same logits: what is reported of the first token stays that of temperature 1.
        SamplingParameters hot = new SamplingParameters(50, 0, 1, 0, 1, 0, 0, Map.of(), 3);
        Outcome drawn = run(llama.options(64), List.of(Request.of(prompt).topLogprobs(3).sampling(hot))).getFirst();
        assertThat(drawn.alternatives().getFirst()).isEqualTo(greedy.alternatives().getFirst());
        assertThat(drawn.logprobs().getFirst()).isLessThanOrEqualTo(greedy.logprobs().getFirst());
    }

    @Test
    void logprobsAreReportedOnlyWhenAskedFor() throws InterruptedException {
        Request request = Request.of(llama.prompt(4, 12));
        Outcome chosen = run(llama.options(64), List.of(request.topLogprobs(0))).getFirst();
        assertThat(chosen.alternatives()).allMatch(List::isEmpty);
        assertThat(chosen.logprobs()).allMatch(logprob -> logprob < 0);
        Outcome none = run(llama.options(64), List.of(request.topLogprobs(-1))).getFirst();
        assertThat(none.alternatives()).allMatch(List::isEmpty);
        assertThat(none.logprobs()).allMatch(logprob -> Float.isNaN(logprob));
        assertThat(none.tokens()).isEqualTo(chosen.tokens());
    }

    private static List<Request> requests(int count, boolean sampled) {
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Request request = Request.of(llama.prompt(i, 1 + i * 37 % 90)).id("r" + i).maxNewTokens(8 + i * 5 % 30);
            requests.add(sampled ? request.sampling(Request.sampled(i)) : request);
        }
        return requests;
    }

    private static List<Outcome> run(EngineOptions options, List<Request> requests) throws InterruptedException {
        try (Engine engine = llama.start(options)) {
            return run(engine, requests);
        }
    }

    private static List<Outcome> run(Engine engine, List<Request> requests) throws InterruptedException {
        List<Recorder> recorders = new ArrayList<>();
        for (Request request : requests) {
            Recorder recorder = new Recorder();
            recorders.add(recorder);
            Sequence sequence = engine.open(recorder);
            recorder.onEviction(() -> engine.release(sequence));
            engine.submit(sequence, request.build());
        }
        List<Outcome> outcomes = new ArrayList<>();
        for (Recorder recorder : recorders) {
            outcomes.add(recorder.outcome());
        }
        return outcomes;
    }
}
