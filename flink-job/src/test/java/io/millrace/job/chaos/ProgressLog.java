package io.millrace.job.chaos;

import java.io.PrintWriter;
import java.time.Duration;

/** What happens while a run runs: a line for each event, and one now and then that says how far it is. Any thread. */
final class ProgressLog {
    private static final Duration INTERVAL = Duration.ofSeconds(10);

    private final PrintWriter out;
    private final long start = System.nanoTime();
    private long lastNanos = start;

    ProgressLog(PrintWriter out) {
        this.out = out;
    }

    synchronized void say(String line) {
        long seconds = (System.nanoTime() - start) / 1_000_000_000L;
        out.printf("%02d:%02d  %s%n", seconds / 60, seconds % 60, line);
        out.flush();
        lastNanos = System.nanoTime();
    }

    /** Says how far it is, unless something was said just before. */
    synchronized void progress(Transcript transcript, Script script) {
        if (System.nanoTime() - lastNanos >= INTERVAL.toNanos()) {
            say("%d of %d turns answered, %d waiting, %d of them in mid-turn".formatted(transcript.answered(),
                    script.prompts(), transcript.waiting(), transcript.inMidTurn()));
        }
    }
}
