package io.millrace.fuzz;

import java.io.PrintStream;
import java.time.Duration;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** A run of a target on random inputs, in the calling thread. */
final class MutationRun {
    /** An input that takes longer hangs. */
    private static final Duration HANG = Duration.ofSeconds(20);

    private final FuzzTarget target;
    private final Mutator mutator;
    private volatile byte @Nullable [] current;
    private volatile long since;

    MutationRun(FuzzTarget target, Mutator mutator) {
        this.target = target;
        this.mutator = mutator;
    }

    /** Takes that many inputs. */
    void run(long inputs) {
        for (long i = 0; i < inputs; i++) {
            accept(mutator.next());
        }
    }

    /** Takes as many inputs as it can, and ends the process at one that hangs. */
    void runFor(Duration time) throws InterruptedException {
        Thread watch = Thread.ofPlatform().daemon().start(this::watch);
        long begin = System.nanoTime();
        long inputs = 0;
        try {
            while (System.nanoTime() - begin < time.toNanos()) {
                byte[] input = mutator.next();
                since = System.nanoTime();
                current = input;
                accept(input);
                inputs++;
            }
        } finally {
            current = null;
            watch.interrupt();
            watch.join();
        }
        System.out.println("fuzz " + target.name() + ": " + inputs + " mutations in " + time.toSeconds() + " s");
    }

    private void accept(byte[] input) {
        try {
            target.accept(input);
        } catch (Exception | Error e) {
            throw new AssertionError(describe(input) + " fails", e);
        }
    }

    private String describe(byte[] input) {
        return target.name() + ": an input, to be kept in src/test/resources/fuzz/" + target.name() + ", in hex "
                + HexFormat.of().formatHex(input) + ",";
    }

    private void watch() {
        try {
            while (true) {
                Thread.sleep(HANG.toMillis() / 4);
                byte[] input = current;
                if (input != null && System.nanoTime() - since > HANG.toNanos()) {
                    PrintStream err = System.err;
                    err.println(describe(input) + " hangs");
                    err.flush();
                    Runtime.getRuntime().halt(1);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
