package io.millrace.runtime.engine;

import io.millrace.runtime.kv.SavedKv;
import io.millrace.runtime.sampling.SamplingParameters;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Builds requests: greedy, 20 tokens, no stops, no deadline, with log-probabilities, unless told otherwise. */
record Request(String id, int[] tokens, int generated, SamplingParameters sampling, int maxNewTokens,
        List<Integer> stopTokens, List<String> stop, int topLogprobs, int priority, long deadlineNanos,
        String cacheSalt, @Nullable SavedKv cached) {

    static Request of(int... tokens) {
        return new Request("r", tokens, 0, SamplingParameters.GREEDY, 20, List.of(), List.of(), 2, 0, Long.MAX_VALUE,
                "", null);
    }

    static SamplingParameters sampled(long seed) {
        return new SamplingParameters(0.8f, 0, 0.95f, 0, 1.1f, 0.1f, 0.1f, Map.of(), seed);
    }

    GenerationRequest build() {
        return new GenerationRequest(id, tokens, generated, sampling, maxNewTokens, stopTokens, stop, topLogprobs,
                priority, deadlineNanos, cacheSalt, cached);
    }

    Request id(String to) {
        return new Request(to, tokens, generated, sampling, maxNewTokens, stopTokens, stop, topLogprobs, priority,
                deadlineNanos, cacheSalt, cached);
    }

    Request tokens(int[] to) {
        return new Request(id, to, generated, sampling, maxNewTokens, stopTokens, stop, topLogprobs, priority,
                deadlineNanos, cacheSalt, cached);
    }

    Request generated(int to) {
        return new Request(id, tokens, to, sampling, maxNewTokens, stopTokens, stop, topLogprobs, priority,
                deadlineNanos, cacheSalt, cached);
    }

    Request sampling(SamplingParameters to) {
        return new Request(id, tokens, generated, to, maxNewTokens, stopTokens, stop, topLogprobs, priority,
                deadlineNanos, cacheSalt, cached);
    }

    Request maxNewTokens(int to) {
        return new Request(id, tokens, generated, sampling, to, stopTokens, stop, topLogprobs, priority, deadlineNanos,
                cacheSalt,
                cached);
    }

    Request stopTokens(Integer... to) {
        return new Request(id, tokens, generated, sampling, maxNewTokens, List.of(to), stop, topLogprobs, priority,
                deadlineNanos, cacheSalt, cached);
    }

    Request stop(String... to) {
        return new Request(id, tokens, generated, sampling, maxNewTokens, stopTokens, List.of(to), topLogprobs,
                priority, deadlineNanos, cacheSalt, cached);
    }

    Request topLogprobs(int to) {
        return new Request(id, tokens, generated, sampling, maxNewTokens, stopTokens, stop, to, priority,
                deadlineNanos, cacheSalt, cached);
    }

    Request priority(int to) {
        return new Request(id, tokens, generated, sampling, maxNewTokens, stopTokens, stop, topLogprobs, to,
                deadlineNanos, cacheSalt, cached);
    }

    Request deadlineNanos(long to) {
        return new Request(id, tokens, generated, sampling, maxNewTokens, stopTokens, stop, topLogprobs, priority, to,
                cacheSalt,
                cached);
    }

    Request cacheSalt(String to) {
        return new Request(id, tokens, generated, sampling, maxNewTokens, stopTokens, stop, topLogprobs, priority,
                deadlineNanos, to, cached);
    }

    Request cached(@Nullable SavedKv to) {
        return new Request(id, tokens, generated, sampling, maxNewTokens, stopTokens, stop, topLogprobs, priority,
                deadlineNanos, cacheSalt, to);
    }
}
