package io.millrace.job.chaos;

import io.millrace.job.chaos.Disturbance.KillBroker;
import io.millrace.job.chaos.Disturbance.KillDuringSavepoint;
import io.millrace.job.chaos.Disturbance.KillJobManager;
import io.millrace.job.chaos.Disturbance.KillTaskManagers;
import io.millrace.job.chaos.Disturbance.Rescale;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Carries out a schedule while conversations run. Used by one thread. */
final class Disturber {
    /** Answers after an event that show that the job goes on; some of those before it may become visible after it. */
    private static final int PROGRESS = 3;
    private static final Duration RECOVERY_LIMIT = Duration.ofMinutes(3);
    private static final int MID_TURNS = 3;
    private static final Duration MID_TURN_LIMIT = Duration.ofSeconds(15);
    private static final Duration POLL = Duration.ofMillis(20);

    private final ChaosCluster cluster;
    private final ChaosJob job;
    private final Script script;
    private final Transcript transcript;
    private final ProgressLog log;
    private final Random random;
    private int parallelism;

    /** @param job that runs on {@code cluster}, with {@code parallelism} */
    Disturber(ChaosCluster cluster, ChaosJob job, int parallelism, Script script, Transcript transcript,
            ProgressLog log) {
        this.cluster = cluster;
        this.job = job;
        this.parallelism = parallelism;
        this.script = script;
        this.transcript = transcript;
        this.log = log;
        this.random = new Random(script.seed());
    }

    /**
     * An event that took place.
     *
     * @param waiting requests that waited for their answer when it happened
     * @param inMidTurn those of them of which a part had been read
     * @param recovery until answers came again
     */
    record Outcome(Disturbance disturbance, Duration at, int waiting, int inMidTurn, Duration recovery) {}

    /**
     * Returns when every event has happened, or the conversations are over.
     *
     * @param conversations that are being disturbed
     * @throws IllegalStateException when the job does not recover
     */
    List<Outcome> run(Schedule schedule, Future<?> conversations) throws Exception {
        List<Outcome> outcomes = new ArrayList<>();
        long start = System.nanoTime();
        for (Schedule.Event event : schedule.events()) {
            while (!conversations.isDone() && !isTime(event, since(start))) {
                pause();
            }
            if (conversations.isDone()) {
                break;
            }
            Duration at = since(start);
            int before = transcript.answered();
            int waiting = transcript.waiting();
            int inMidTurn = transcript.inMidTurn();
            log.say(event.disturbance() + " (" + waiting + " waiting, " + inMidTurn + " in mid-turn)");
            carryOut(event.disturbance());
            awaitProgress(before, start, at, conversations);
            outcomes.add(new Outcome(event.disturbance(), at, waiting, inMidTurn, since(start).minus(at)));
        }
        return outcomes;
    }

    /** Its time has come and some turns are in the middle; but an event does not wait for turns for long. */
    private boolean isTime(Schedule.Event event, Duration now) {
        return now.compareTo(event.at()) >= 0
                && (transcript.inMidTurn() >= MID_TURNS || now.compareTo(event.at().plus(MID_TURN_LIMIT)) >= 0);
    }

    private void awaitProgress(int before, long start, Duration at, Future<?> conversations) throws Exception {
        int enough = Math.min(before + PROGRESS, script.prompts());
        while (transcript.answered() < enough && !conversations.isDone()) {
            if (since(start).minus(at).compareTo(RECOVERY_LIMIT) > 0) {
                throw new IllegalStateException(
                        "no answers for " + RECOVERY_LIMIT.toSeconds() + " s; the job is " + job.status());
            }
            pause();
        }
    }

    private void carryOut(Disturbance disturbance) throws Exception {
        switch (disturbance) {
            case KillTaskManagers(int count) -> log.say("killed " + cluster.killTaskManagers(count, random));
            case KillJobManager() -> cluster.jobManager().kill();
            case KillBroker() -> cluster.broker().kill();
            case Rescale(int target) -> {
                String savepoint = ChaosJob.await(job.stop());
                parallelism = target;
                restore(savepoint);
            }
            case KillDuringSavepoint(int delayMillis) -> {
                CompletableFuture<String> stop = job.stop();
                TimeUnit.MILLISECONDS.sleep(delayMillis);
                log.say("killed " + cluster.killTaskManagers(1, random));
                String savepoint = outcome(stop);
                if (savepoint != null) {
                    restore(savepoint);
                }
            }
        }
    }

    /** The savepoint, or null when the job could not stop and goes on by itself. */
    private @Nullable String outcome(CompletableFuture<String> stop) throws Exception {
        try {
            return ChaosJob.await(stop);
        } catch (IllegalStateException e) {
            log.say("no savepoint: " + e.getMessage());
            if (job.status().isGloballyTerminalState()) {
                throw new IllegalStateException("the job ended without a savepoint", e);
            }
            return null;
        }
    }

    private void restore(String savepoint) throws Exception {
        job.awaitEnd();
        job.start(parallelism, savepoint);
        log.say("restored at parallelism " + parallelism);
    }

    private void pause() throws InterruptedException {
        log.progress(transcript, script);
        TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
    }

    private static Duration since(long start) {
        return Duration.ofNanos(System.nanoTime() - start);
    }
}
