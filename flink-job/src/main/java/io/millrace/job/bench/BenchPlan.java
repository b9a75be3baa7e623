package io.millrace.job.bench;

import io.millrace.runtime.kv.KvLayout;
import java.util.Collections;
import java.util.List;

/**
 * What to measure; every number is 1 or more, but a depth may be 0.
 *
 * @param prefill tokens of the prompt whose computation is timed
 * @param steps timed decode steps, one token per sequence each
 * @param batches how many sequences are decoded together, a test for each
 * @param depths positions that a sequence has in its cache before the prompt; all tests are run for each
 * @param prompt positions behind those that a sequence has before its first decode step
 * @param repetitions how often each test is timed
 */
public record BenchPlan(int prefill, int steps, List<Integer> batches, List<Integer> depths, int prompt,
        int repetitions) {
    /** Steps of a decode test that are computed first and not timed. */
    private static final int WARM_UP_STEPS = 8;

    public BenchPlan {
        batches = List.copyOf(batches);
        depths = List.copyOf(depths);
        if (batches.isEmpty() || depths.isEmpty()) {
            throw new IllegalArgumentException("no batch size or no depth to measure");
        }
    }

    /** Sequences of the largest batch. */
    public int sequences() {
        return Collections.max(batches);
    }

    /** Positions of the longest sequence. */
    public long positions() {
        return (long) depth() + Math.max(prefill, (long) prompt + steps);
    }

    /** Bytes of the KV cache that the tests need. */
    public long kvBytes(KvLayout layout) {
        return layout.blockBytes() * (blocks(0) + (sequences() - 1L) * blocks(1));
    }

    /** Tokens that are computed in all, also those that are not timed. */
    public long tokens() {
        long decoded = batches.stream().mapToLong(Integer::longValue).sum()
                * (warmUpSteps() + (long) repetitions * steps);
        return fill() + depths.size() * ((1L + repetitions) * prefill + prompt + decoded);
    }

    /** The deepest depth. */
    int depth() {
        return Collections.max(depths);
    }

    /** Positions that are computed once, to fill the cache up to a depth with copies of them. */
    int fill() {
        return Math.min(depth(), DecoderBench.MAX_ROWS);
    }

    /** Steps before the timed ones, of each decode test. */
    int warmUpSteps() {
        return Math.min(WARM_UP_STEPS, steps);
    }

    /** Blocks of a sequence; the first one is also that of the prefill test. */
    int blocks(int sequence) {
        int decoded = prompt + steps;
        return KvLayout.blocksFor(depth() + (sequence == 0 ? Math.max(prefill, decoded) : decoded));
    }
}
