package io.millrace.job.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns Ctrl-C (or a termination signal) into an interrupt of the thread that opened this, and keeps the process alive until
 * that thread has closed what it holds and, last of all, this.
 */
final class Interruption implements AutoCloseable {
    private static final long LIMIT_SECONDS = 60;

    private final CountDownLatch closed = new CountDownLatch(1);

    private Interruption() {}

    static Interruption ofThisThread() {
        Interruption interruption = new Interruption();
        Thread thread = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> interruption.await(thread), "millrace-shutdown"));
        return interruption;
    }

    private void await(Thread thread) {
        if (closed.getCount() == 0) {
            return;
        }
        thread.interrupt();
        try {
            closed.await(LIMIT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        closed.countDown();
    }
}
