package io.millrace.job.chaos;

import io.millrace.job.chaos.Disturbance.KillBroker;
import io.millrace.job.chaos.Disturbance.KillDuringSavepoint;
import io.millrace.job.chaos.Disturbance.KillJobManager;
import io.millrace.job.chaos.Disturbance.KillTaskManagers;
import io.millrace.job.chaos.Disturbance.Rescale;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;

/** When what happens; the same for the same seed and length. */
record Schedule(List<Event> events) {
    private static final Duration FIRST = Duration.ofSeconds(10);
    private static final int LEAST_GAP_SECONDS = 25;
    private static final int MOST_GAP_SECONDS = 45;
    private static final int MOST_KILL_DELAY_MILLIS = 400;
    /** From 2, with which a run begins. Which of a pack's two comes first is left to chance. */
    private static final int[] PARALLELISMS = {3, 1, 2};
    private static final int[] ONE = {1};

    /**
     * Happens when this much time has passed since the start, the job has recovered from the event before, and answers are
     * being read.
     */
    record Event(Duration at, Disturbance disturbance) {}

    Schedule {
        events = List.copyOf(events);
    }

    /**
     * Kinds come as from a shuffled pack of cards, so that a long schedule has every kind in the same proportions.
     *
     * @param together task managers that are killed at once, at most
     * @param shards of the model; of several there is one pipeline, which is restored with the same parallelism
     */
    static Schedule of(long seed, Duration length, int together, int shards) {
        return of(seed, length, (random, number) -> pack(random, together, shards == 1 ? PARALLELISMS : ONE, number));
    }

    /** Kills one task manager after the other, whichever chance names. */
    static Schedule ofTaskManagers(long seed, Duration length) {
        return of(seed, length, (_, _) -> List.of(new KillTaskManagers(1)));
    }

    private static Schedule of(long seed, Duration length, BiFunction<Random, Integer, List<Disturbance>> packs) {
        Random random = new Random(seed);
        List<Event> events = new ArrayList<>();
        List<Disturbance> pack = new ArrayList<>();
        int number = 0;
        for (Duration at = FIRST; at.compareTo(length) < 0; at = at.plusSeconds(
                random.nextInt(LEAST_GAP_SECONDS, MOST_GAP_SECONDS + 1))) {
            if (pack.isEmpty()) {
                pack.addAll(packs.apply(random, number++));
            }
            events.add(new Event(at, pack.removeLast()));
        }
        return new Schedule(events);
    }

    private static List<Disturbance> pack(Random random, int together, int[] parallelisms, int number) {
        KillTaskManagers one = new KillTaskManagers(1);
        List<Disturbance> pack = new ArrayList<>(List.of(one, one, one,
                new KillTaskManagers(Math.min(2, together)), new KillJobManager(), new KillJobManager(),
                new KillBroker(), new KillDuringSavepoint(random.nextInt(MOST_KILL_DELAY_MILLIS)),
                new Rescale(parallelisms[2 * number % parallelisms.length]),
                new Rescale(parallelisms[(2 * number + 1) % parallelisms.length])));
        Collections.shuffle(pack, random);
        return pack;
    }
}
