package io.millrace.job.cli;

import io.millrace.job.MillraceJob;
import java.util.concurrent.Callable;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * The job jar's entry for {@code flink run} and for application clusters. Takes the options of {@code millrace run} and
 * submits the job to the cluster that runs it. The process is Flink's, so failures are thrown, and nothing exits.
 */
public final class ClusterMain {
    private ClusterMain() {}

    public static void main(String[] args) throws Exception {
        CommandLine command = new CommandLine(new Submission());
        @Nullable
        Exception[] failure = new Exception[1];
        command.setExecutionExceptionHandler((e, _, _) -> {
            failure[0] = e;
            return CommandLine.ExitCode.SOFTWARE;
        });
        int code = command.execute(args);
        if (failure[0] != null) {
            throw failure[0];
        }
        if (code != CommandLine.ExitCode.OK) {
            throw new IllegalArgumentException("the job was not submitted; see the message above");
        }
    }

    @Command(name = "flink run millrace-flink-job.jar", mixinStandardHelpOptions = true, sortOptions = false, description = "Submit the job: prompts from Kafka, Llama's answers back to Kafka.")
    private static final class Submission implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Mixin
        private JobSettings settings;

        @Override
        public Integer call() throws Exception {
            Configuration config = settings.configuration(spec.commandLine().getParseResult());
            StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(config);
            MillraceJob.define(env);
            env.execute();
            return CommandLine.ExitCode.OK;
        }
    }
}
