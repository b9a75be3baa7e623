package io.millrace.job.bench;

import io.millrace.runtime.kv.KvLayout;
import java.util.Collections;
import java.util.List;

/**
 * What to measure; every number is 1 or more.
 *
 * @param prefill tokens of the prompt whose computation is timed
 * @param steps timed decode steps, one token per sequence each
 * @param batches how many sequences are decoded together, a test for each
 * @param prompt positions that a sequence has before its first decode step
 * @param repetitions how often each test is timed
 */
public record BenchPlan(int prefill, int steps, List<Integer> batches, int prompt, int repetitions) {
    /** Steps of a decode test that are computed first and not timed. */
    private static final int WARM_UP_STEPS = 8;

    public BenchPlan {
        batches = List.copyOf(batches);
        if (batches.isEmpty()) {
            throw new IllegalArgumentException("no batch size to measure");
        }
    }

    /** Sequences of the largest batch. */
    public int sequences() {
        return Collections.max(batches);
    }

    /** Bytes of the KV cache that the tests need. */
    public long kvBytes(KvLayout layout) {
        return layout.blockBytes() * (blocks(0) + (sequences() - 1L) * blocks(1));
    }

    /** Tokens that are computed in all, also those that are not timed. */
    public long tokens() {
        long decoded = batches.stream().mapToLong(Integer::longValue).sum()
                * (warmUpSteps() + (long) repetitions * steps);
        return (1L + repetitions) * prefill + prompt + decoded;
    }

    /** Steps before the timed ones, of each decode test. */
    int warmUpSteps() {
        return Math.min(WARM_UP_STEPS, steps);
    }

    /** Blocks of a sequence; the first one is also that of the prefill test. */
    int blocks(int sequence) {
        int decoded = prompt + steps;
        return KvLayout.blocksFor(sequence == 0 ? Math.max(prefill, decoded) : decoded);
    }
}
