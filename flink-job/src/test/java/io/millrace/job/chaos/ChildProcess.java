package io.millrace.job.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A part of the cluster in a JVM of its own with this JVM's class path, started again whenever it ends, as an orchestrator
 * would do it. Each start logs to a file of its own. Safe for use by several threads; {@link #close} ends the process.
 */
final class ChildProcess implements AutoCloseable {
    /** What an orchestrator takes to notice. */
    private static final Duration RESTART_DELAY = Duration.ofMillis(500);

    private static final List<String> FLAGS = List.of("-Xlog:disable", "-Xlog:all=warning,cds*=off:stderr",
            "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow", "-XX:+UseSerialGC", "-Xshare:auto",
            "-Dmillrace.log.level=info");

    private final String name;
    private final List<String> command;
    private final Path logs;
    private @Nullable Process process;
    private int starts;
    private int ownEnds;
    private boolean killed;
    private boolean closed;

    private ChildProcess(String name, List<String> command, Path logs) {
        this.name = name;
        this.command = command;
        this.logs = logs;
    }

    /**
     * Starts the part.
     *
     * @param options of the JVM, beside those that all have
     * @param logs directory
     */
    static ChildProcess start(String name, Child.Part part, List<String> options, List<String> arguments, Path logs) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(FLAGS);
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Child.class.getName(), part.name()));
        command.addAll(arguments);
        ChildProcess child = new ChildProcess(name, command, logs);
        child.launch();
        return child;
    }

    String name() {
        return name;
    }

    private synchronized void launch() {
        if (closed) {
            return;
        }
        starts++;
        killed = false;
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(logs.resolve(name + "-" + starts + ".log").toFile());
        // glibc would keep an arena for every thread.
        builder.environment().put("MALLOC_ARENA_MAX", "2");
        try {
            Process started = builder.start();
            process = started;
            var _ = started.onExit().thenRun(this::ended);
        } catch (IOException e) {
            throw new UncheckedIOException("could not start " + name, e);
        }
    }

    private synchronized void ended() {
        if (!killed && !closed) {
            ownEnds++;
        }
        CompletableFuture.delayedExecutor(RESTART_DELAY.toMillis(), TimeUnit.MILLISECONDS).execute(this::launch);
    }

    /** Ends the process without a chance to do anything about it: {@code kill -9}. It is started again. */
    synchronized void kill() {
        if (process != null) {
            killed = true;
            process.destroyForcibly();
        }
    }

    /** Of the process that runs, or that ran last. */
    synchronized long pid() {
        return Objects.requireNonNull(process, "not started").pid();
    }

    /** How often the process ended though nobody killed it. */
    synchronized int ownEnds() {
        return ownEnds;
    }

    @Override
    public void close() {
        Process last;
        synchronized (this) {
            closed = true;
            last = process;
        }
        if (last != null) {
            last.destroyForcibly();
            last.onExit().join();
        }
    }
}
