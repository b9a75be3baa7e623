package io.millrace.runtime.kernels;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Threads for the phases of a forward pass: the caller and {@code threads - 1} daemon workers take tasks until none is left.
 * A phase lasts microseconds, so workers spin for a moment between phases and park when no phase comes: an idle pool uses no
 * processor time. A worker that is late finds nothing to do, and nobody waits for it. A run allocates nothing.
 *
 * <p>
 * One thread at a time calls {@link #run} and {@link #close}.
 */
public final class WorkerPool implements AutoCloseable {
    /** One part of a phase. */
    @FunctionalInterface
    public interface Task {
        /**
         * Runs one part.
         *
         * @param index which part, {@code 0 .. tasks - 1}
         * @param worker who runs it, {@code 0 .. threads - 1}: parts with the same worker never run at the same time
         */
        void run(int index, int worker);
    }

    /** About the longest gap between two phases of one step. */
    private static final long SPIN_NANOS = 50_000;
    /** Rounds after which a waiting thread lets others use its processor: there may be fewer than threads. */
    private static final int ROUNDS_BEFORE_YIELD = 2_000;
    private static final long LEFT_MASK = 0xffff_ffffL;
    private static final Task NOTHING = (index, worker) -> {};

    private final Worker[] workers;
    /**
     * Number of the run in the high half, tasks that nobody took in the low half. A task is taken by compare and set; as
     * long as it is not done, {@link #task} and {@link #tasks} are those of its run.
     */
    private final AtomicLong state = new AtomicLong();
    private final AtomicInteger undone = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private Task task = NOTHING;
    private int tasks;
    private volatile boolean closed;

    /** Starts {@code threads - 1} workers. */
    public WorkerPool(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be at least 1, not " + threads);
        }
        workers = new Worker[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].start();
        }
    }

    /** Threads that run tasks, the caller included. */
    public int threads() {
        return workers.length + 1;
    }

    /**
     * Runs {@code task} for every index below {@code tasks} and returns when all are done. What the caller wrote before is
     * seen by the tasks, what they wrote is seen by the caller afterwards.
     *
     * @throws RuntimeException or {@link Error}: the first that a task threw, after the others ended
     */
    public void run(int tasks, Task task) {
        if (closed) {
            throw new IllegalStateException("the worker pool is closed");
        }
        if (tasks <= 1 || workers.length == 0) {
            for (int i = 0; i < tasks; i++) {
                task.run(i, 0);
            }
            return;
        }
        this.task = task;
        this.tasks = tasks;
        undone.set(tasks);
        state.set(((state.get() >>> 32) + 1) << 32 | tasks);
        int wanted = Math.min(workers.length, tasks - 1);
        for (int i = 0; i < wanted; i++) {
            workers[i].wake();
        }
        takeTasks(0);
        for (int rounds = 0; undone.get() > 0; rounds++) {
            spin(rounds);
        }
        this.task = NOTHING;
        Throwable thrown = failure.getAndSet(null);
        switch (thrown) {
            case null -> {
            }
            case Error error -> throw error;
            case RuntimeException exception -> throw exception;
            default -> throw new IllegalStateException("a task threw a checked exception", thrown);
        }
    }

    /** Ends the workers. */
    @Override
    public void close() {
        closed = true;
        boolean interrupted = false;
        for (Worker worker : workers) {
            LockSupport.unpark(worker);
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void takeTasks(int worker) {
        long seen = state.get();
        while ((seen & LEFT_MASK) != 0) {
            if (state.compareAndSet(seen, seen - 1)) {
                try {
                    task.run(tasks - (int) (seen & LEFT_MASK), worker);
                } catch (RuntimeException | Error e) {
                    failure.compareAndSet(null, e);
                }
                undone.decrementAndGet();
            }
            seen = state.get();
        }
    }

    /** Correctness does not rest on the scheduler; giving way only keeps a waiting thread off a processor that is needed. */
    @SuppressWarnings("ThreadPriorityCheck") // for the yield, see above
    private static void spin(int rounds) {
        if (rounds < ROUNDS_BEFORE_YIELD) {
            Thread.onSpinWait();
        } else {
            Thread.yield();
        }
    }

    private final class Worker extends Thread {
        private final int number;
        private volatile boolean parked;

        Worker(int number) {
            super("millrace-kernels-" + number);
            this.number = number;
            setDaemon(true);
        }

        void wake() {
            if (parked) {
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            while (!closed) {
                takeTasks(number);
                awaitTasks();
            }
        }

        private void awaitTasks() {
            long start = System.nanoTime();
            for (int rounds = 0; (state.get() & LEFT_MASK) == 0; rounds++) {
                if (closed) {
                    return;
                }
                if ((rounds & 63) == 63 && System.nanoTime() - start > SPIN_NANOS) {
                    // The flag goes up before the last look, so a caller either is seen here or sees the flag.
                    parked = true;
                    while ((state.get() & LEFT_MASK) == 0 && !closed) {
                        LockSupport.park(this);
                    }
                    parked = false;
                    return;
                }
                spin(rounds);
            }
        }
    }
}
