package io.millrace.job.chaos;

import io.millrace.job.chaos.ChaosPlan.Backend;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code millrace chaos}: conversations while processes are killed. */
@Command(name = "millrace chaos", mixinStandardHelpOptions = true, sortOptions = false, description = {
        "Hold conversations through a Kafka broker and a Flink cluster of separate processes while a seeded schedule kills "
                + "them with kill -9 and restores the job at other parallelisms, and compare every answer with an undisturbed "
                + "run.",
        "The exit code is 0 only if no answer was lost, duplicated or changed."}, footer = {"", "Example:",
                "  millrace chaos --minutes 20 --seed 1"})
public final class ChaosCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--minutes", paramLabel = "N", defaultValue = "5", description = "Time over which turns begin and processes die; the undisturbed run comes on top. Default: ${DEFAULT-VALUE}.")
    private double minutes;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Of schedule and conversations: the same seed, the same events. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--conversations", paramLabel = "N", defaultValue = "200", description = "Default: ${DEFAULT-VALUE}.")
    private int conversations;

    @Option(names = "--turns", paramLabel = "N", defaultValue = "4", description = "Turns of each conversation. Default: ${DEFAULT-VALUE}.")
    private int turns;

    @Option(names = "--max-tokens", paramLabel = "N", defaultValue = "256", description = "At most this many tokens per answer, at least a quarter of it. Default: ${DEFAULT-VALUE}.")
    private int maxTokens;

    @Option(names = "--task-managers", paramLabel = "N", defaultValue = "2", description = "At least 2, with two slots each, or of shards one each. Default: ${DEFAULT-VALUE}, or as many as shards.")
    private int taskManagers;

    @Option(names = "--shards", paramLabel = "N", defaultValue = "1", description = "Share the model of the disturbed run out over so many task managers; the undisturbed run's is whole. Default: ${DEFAULT-VALUE}.")
    private int shards;

    @Option(names = "--only-task-managers", description = "Kill task managers, one at a time, and do nothing else.")
    private boolean onlyTaskManagers;

    @Option(names = "--backend", paramLabel = "NAME", defaultValue = "rocksdb", description = "Where sessions are kept: rocksdb (incremental checkpoints) or heap. Default: ${DEFAULT-VALUE}.")
    private Backend backend;

    @Option(names = {"-m",
            "--model"}, paramLabel = "PATH", description = "A model file. Default: a sample with random weights.")
    private @Nullable Path model;

    @Option(names = "--json", description = "Print the report as JSON.")
    private boolean json;

    @Option(names = "--keep", description = "Keep the directory of logs, checkpoints and topics also when all went well.")
    private boolean keep;

    /** Exits with 0, 1 when something was lost, duplicated or changed or the run failed, 2 for a mistake in the call. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new ChaosCommand()).setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler((mistake, _) -> {
                    PrintWriter err = mistake.getCommandLine().getErr();
                    err.println("millrace: " + mistake.getMessage());
                    err.println("Try 'millrace chaos --help'.");
                    return CommandLine.ExitCode.USAGE;
                }).execute(args));
    }

    @Override
    public Integer call() throws Exception {
        require(minutes > 0 && minutes <= 24 * 60, "--minutes: " + minutes + " is not between 0 and 1440");
        require(conversations > 0, "--conversations: " + conversations + " is not 1 or more");
        require(turns > 0, "--turns: " + turns + " is not 1 or more");
        require(maxTokens > 0, "--max-tokens: " + maxTokens + " is not 1 or more");
        require(taskManagers >= 2, "--task-managers: " + taskManagers + " is not 2 or more");
        require(shards >= 1, "--shards: " + shards + " is not 1 or more");
        require(model == null || Files.isReadable(model), "--model: " + model + ": no such file or not readable");
        Duration spread = Duration.ofMillis((long) (minutes * 60_000));
        int processes = Math.max(taskManagers, shards);
        ChaosPlan plan = new ChaosPlan(new Script(seed, conversations, turns, maxTokens), spread,
                onlyTaskManagers
                        ? Schedule.ofTaskManagers(seed, spread)
                        : Schedule.of(seed, spread, shards == 1 ? processes : 1, shards),
                processes, shards, backend, model);
        PrintWriter err = spec.commandLine().getErr();
        Workspace workspace = Workspace.create();
        AtomicBoolean over = new AtomicBoolean();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (!over.get()) {
                err.println("millrace: interrupted; logs and topics are in " + workspace.root());
            }
        }));
        try {
            ChaosReport report = new ChaosRun(plan, workspace, new ProgressLog(err)).run();
            spec.commandLine().getOut().println(json ? report.json() : report.table());
            spec.commandLine().getOut().flush();
            if (report.clean() && !keep) {
                workspace.delete();
            } else {
                err.println("kept: " + workspace.root());
            }
            return report.clean() ? 0 : 1;
        } catch (IllegalStateException e) {
            err.println("millrace: " + e.getMessage() + "; logs and topics are in " + workspace.root());
            return 1;
        } finally {
            over.set(true);
        }
    }

    private void require(boolean holds, String message) {
        if (!holds) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}
