package io.millrace.runtime.engine;

import io.millrace.runtime.shard.Downstream;
import io.millrace.runtime.shard.DrawnTokens;
import io.millrace.runtime.shard.MicroBatch;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** The steps that are under way through the other shards, oldest first. Engine thread only. */
final class Flights {
    private final Downstream shards;
    private final Deque<Flight> underWay = new ArrayDeque<>();
    /** Begins anywhere, so that nothing meant for an engine before this one is taken for its own. */
    private long next = new SplittableRandom().nextLong() >>> 1;

    /**
     * A step that was sent.
     *
     * @param epochs of the sequences when it was sent
     * @param started when the step began, {@link System#nanoTime()}
     * @param sent when it was sent
     */
    record Flight(long number, List<Sequence> sequences, List<Integer> epochs, List<MicroBatch.Part> parts,
            long started,
            long sent) {
        /** Whether the sequence of a part still waits for it. */
        boolean current(int part) {
            return sequences.get(part).epoch() == epochs.get(part);
        }
    }

    Flights(Downstream shards) {
        this.shards = shards;
    }

    int depth() {
        return shards.depth();
    }

    /** Whether no further step may begin before one has ended. */
    boolean full() {
        return underWay.size() >= shards.depth();
    }

    int size() {
        return underWay.size();
    }

    /** Sends a step on; its sequences have issued their rows. */
    void send(List<Sequence> step, float[] hidden, int blocksUsed, long started) {
        List<MicroBatch.Part> parts = new ArrayList<>(step.size());
        List<Integer> epochs = new ArrayList<>(step.size());
        for (Sequence sequence : step) {
            parts.add(sequence.part(parts.size()));
            epochs.add(sequence.epoch());
        }
        long number = next++;
        underWay.add(new Flight(number, List.copyOf(step), epochs, parts, started, System.nanoTime()));
        shards.send(new MicroBatch(number, parts, hidden, blocksUsed, 0));
    }

    /**
     * The step that has ended with {@code drawn}; null when it is none of this engine's.
     *
     * @throws IllegalStateException when an earlier one has not ended: what was sent in order has not come in order
     */
    @Nullable
    Flight land(DrawnTokens drawn) {
        Flight oldest = underWay.peekFirst();
        if (oldest == null || oldest.number != drawn.number()) {
            if (underWay.stream().anyMatch(flight -> flight.number == drawn.number())) {
                throw new IllegalStateException("micro-batch " + drawn.number() + " came back before an earlier one");
            }
            return null;
        }
        underWay.removeFirst();
        return oldest;
    }
}
