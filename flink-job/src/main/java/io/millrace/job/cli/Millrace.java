package io.millrace.job.cli;

import io.millrace.job.RootCause;
import io.millrace.job.embedded.EmbeddedClusterException;
import io.millrace.job.kafka.KafkaSetupException;
import io.millrace.runtime.weights.ModelFormatException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;
import java.util.stream.Stream;
import org.apache.kafka.common.errors.InterruptException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The {@code millrace} command. */
@Command(name = "millrace", description = "Llama 3.1 inference as an Apache Flink operator, in pure Java.", mixinStandardHelpOptions = true, versionProvider = Millrace.Version.class, synopsisSubcommandLabel = "VERB", commandListHeading = "%nVerbs:%n", footer = {
        "", "Start with:  millrace demo", "Each verb explains itself:  millrace VERB --help",
        "In a checkout also:  millrace chaos, which kills processes under conversations"}, subcommands = {
                DemoCommand.class, RunCommand.class,
                ChatCommand.class, GenerateCommand.class,
                LogprobsCommand.class, TokenizeCommand.class, InspectCommand.class, PlanCommand.class,
                BenchCommand.class, EvalCommand.class, TrainCommand.class,
                SampleModelCommand.class})
public final class Millrace implements Runnable {

    /** What a shell reports of a process that Ctrl-C ended. */
    private static final int INTERRUPTED = 130;

    private final InputStream standardInput;

    @Spec
    private CommandSpec spec;

    /** @param standardInput what verbs read that take their input there */
    Millrace(InputStream standardInput) {
        this.standardInput = standardInput;
    }

    /** Exits with the verb's code. */
    public static void main(String[] args) {
        System.exit(commandLine(System.in).execute(args));
    }

    static CommandLine commandLine(InputStream standardInput) {
        return new CommandLine(new Millrace(standardInput))
                .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
                .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler((mistake, _) -> report(mistake, mistake.getCommandLine()))
                .setExecutionExceptionHandler((failure, command, _) -> report(failure, command));
    }

    /** Standard input as bytes. */
    InputStream standardInput() {
        return standardInput;
    }

    /** Standard input as text, in UTF-8 whatever the platform's own encoding is. */
    BufferedReader reader() {
        return new BufferedReader(new InputStreamReader(standardInput, StandardCharsets.UTF_8));
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** One line for what a user can mend; the whole trace for what only a developer can. */
    private static int report(Exception failure, CommandLine command) {
        PrintWriter err = command.getErr();
        return switch (failure) {
            case Exception e when wasInterrupted(e) -> INTERRUPTED;
            case ModelFormatException e -> {
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.USAGE;
            }
            case UnmatchedArgumentException e when isVerb(e, command) -> {
                err.println("millrace: no such verb: " + e.getUnmatched().getFirst());
                hint(e, command);
                yield CommandLine.ExitCode.USAGE;
            }
            case ParameterException e -> {
                // Some of picocli's messages begin with a word of their own.
                err.println("millrace: " + String.valueOf(e.getMessage()).replaceFirst("^Error: ", ""));
                hint(e, command);
                yield CommandLine.ExitCode.USAGE;
            }
            case InvalidInput e -> {
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.USAGE;
            }
            case KafkaSetupException e -> {
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.SOFTWARE;
            }
            case EmbeddedClusterException e -> {
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.SOFTWARE;
            }
            case IllegalArgumentException e -> {
                // Options that are checked where they are used: the message names the option and the remedy.
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.USAGE;
            }
            case CommandFailure e -> {
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.SOFTWARE;
            }
            case IOException e -> {
                err.println("millrace: " + message(e));
                yield CommandLine.ExitCode.SOFTWARE;
            }
            default -> {
                // Nobody foresaw it: it is a defect of this program, and whoever reports it needs the trace.
                failure.printStackTrace(err);
                yield CommandLine.ExitCode.SOFTWARE;
            }
        };
    }

    /** Whether somebody pressed Ctrl-C, whatever was under way: a file that was being read is closed, for one. */
    private static boolean wasInterrupted(Exception failure) {
        return Stream.<Throwable>iterate(failure, Objects::nonNull, Throwable::getCause)
                .anyMatch(cause -> cause instanceof InterruptedException || cause instanceof InterruptException
                        || cause instanceof ClosedByInterruptException);
    }

    /** What was probably meant, or where to read about it. */
    private static void hint(ParameterException mistake, CommandLine command) {
        if (!UnmatchedArgumentException.printSuggestions(mistake, command.getErr())) {
            command.getErr().println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        }
    }

    /** Whether what was not understood stands where a verb should. */
    private static boolean isVerb(UnmatchedArgumentException mistake, CommandLine command) {
        return !command.getSubcommands().isEmpty() && !mistake.getUnmatched().getFirst().startsWith("-");
    }

    /** The JDK's messages of file errors are often the path alone. */
    private static String message(IOException failure) {
        return switch (failure) {
            case NoSuchFileException e -> e.getFile() + ": no such file or directory";
            case AccessDeniedException e -> e.getFile() + ": permission denied";
            default -> RootCause.message(failure);
        };
    }

    /** The version that the build wrote into the jar's manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Millrace.class.getPackage().getImplementationVersion();
            return new String[]{"millrace " + (version == null ? "(unpackaged)" : version)};
        }
    }
}
