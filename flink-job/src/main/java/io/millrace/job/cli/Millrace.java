package io.millrace.job.cli;

import io.millrace.job.kafka.KafkaSetupException;
import io.millrace.runtime.weights.ModelFormatException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.errors.InterruptException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** The {@code millrace} command. */
@Command(name = "millrace", description = "Llama 3.1 inference as an Apache Flink operator, in pure Java.", mixinStandardHelpOptions = true, versionProvider = Millrace.Version.class, synopsisSubcommandLabel = "VERB", commandListHeading = "%nVerbs:%n", footer = {
        "", "Start with:  millrace demo", "Each verb explains itself:  millrace VERB --help"}, subcommands = {
                DemoCommand.class, RunCommand.class,
                ChatCommand.class, GenerateCommand.class,
                LogprobsCommand.class, TokenizeCommand.class, InspectCommand.class, SampleModelCommand.class})
public final class Millrace implements Runnable {

    /** What a shell reports of a process that Ctrl-C ended. */
    private static final int INTERRUPTED = 130;

    @Spec
    private CommandSpec spec;

    /** Exits with the verb's code. */
    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    static CommandLine commandLine() {
        return new CommandLine(new Millrace())
                .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
                .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler(Millrace::report);
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** One line for what a user can mend; the whole trace for what only a developer can. */
    private static int report(Exception failure, CommandLine command, ParseResult parsed) {
        PrintWriter err = command.getErr();
        return switch (failure) {
            case ModelFormatException e -> {
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.USAGE;
            }
            case ParameterException e -> {
                err.println("millrace: " + e.getMessage());
                err.println("Try 'millrace " + command.getCommandName() + " --help'.");
                yield CommandLine.ExitCode.USAGE;
            }
            case KafkaSetupException e -> {
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.SOFTWARE;
            }
            case IllegalArgumentException e -> {
                // Options that are checked where they are used: the message names the option and the remedy.
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.USAGE;
            }
            case InterruptedException _ -> INTERRUPTED;
            case InterruptException _ -> INTERRUPTED;
            case CommandFailure e -> {
                err.println("millrace: " + e.getMessage());
                yield CommandLine.ExitCode.SOFTWARE;
            }
            default -> {
                failure.printStackTrace(err);
                yield CommandLine.ExitCode.SOFTWARE;
            }
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
