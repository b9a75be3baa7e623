package io.millrace.job.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** JVMs without what makes the kernels fast: verbs say so and work. */
class SlowJvmTest {
    private static final String MODULE = "--add-modules=jdk.incubator.vector ";
    private static final String NO_MODULE = "-XX:+UseSerialGC";
    private static final String INTERPRETER = MODULE + "-Xint";
    private static final String NO_C2 = MODULE + "-XX:TieredStopAtLevel=1";
    private static final String VECTORS_OF_256_BIT = MODULE + "-XX:+IgnoreUnrecognizedVMOptions -XX:UseAVX=2";
    private static final long LIMIT_MINUTES = 5;

    private static Path temporary;
    private static Path model;

    @BeforeAll
    static void writeModel(@TempDir Path directory) throws IOException {
        temporary = directory;
        model = SmallModel.in(directory);
    }

    @ParameterizedTest
    @CsvSource({NO_MODULE + ", --add-modules=jdk.incubator.vector", INTERPRETER + ", -Xint",
            NO_C2 + ", -XX:TieredStopAtLevel"})
    void benchWarnsOfSlowKernelsAndLeavesTheLimitsOut(String flags, String remedy) throws Exception {
        CommandRun run = jvm(flags, "bench", "--model", model, "--pp", 3, "--tg", 1, "--prompt", 1, "--batch", 2,
                "--repetitions", 1, "--json");

        assertThat(warnings(run)).singleElement().asString().contains("many times slower", remedy);
        JsonNode report = new ObjectMapper().readTree(run.out());
        assertThat(report.get("limits").isNull()).isTrue();
        assertThat(report.at("/results")).hasSize(2)
                .allMatch(result -> result.get("tokens_per_second").doubleValue() > 0);
    }

    @Test
    void answersAreTheSameOnAnyKernels() throws Exception {
        Object[] generate = {"generate", "--model", model, "--prompt", "Hello", "--max-tokens", 3, "--temperature", 0};

        CommandRun withoutModule = jvm(NO_MODULE, generate);
        assertThat(warnings(withoutModule)).singleElement().asString().contains("--add-modules=jdk.incubator.vector");
        CommandRun withoutC2 = jvm(NO_C2, generate);
        assertThat(warnings(withoutC2)).singleElement().asString().contains("-XX:TieredStopAtLevel");
        CommandRun narrow = jvm(VECTORS_OF_256_BIT, generate);
        assertThat(List.of(withoutC2.out(), narrow.out())).containsOnly(withoutModule.out());
    }

    @Test
    void vectorsNarrowerThanTheProcessorsAreNamed() throws Exception {
        Assumptions.assumeTrue(FloatVector.SPECIES_PREFERRED.vectorBitSize() == 512, "no AVX-512");

        CommandRun run = jvm(VECTORS_OF_256_BIT, "logprobs", "--model", model);

        assertThat(warnings(run)).singleElement().asString().contains("256 bit", "-XX:UseAVX=3");
    }

    @Test
    void theJobAnswersWithoutTheModule() throws Exception {
        CommandRun run = jvm(NO_MODULE, "demo", "--model", model, "--conversations", 1, "--turns", 1);

        assertThat(warnings(run)).singleElement().asString().contains("--add-modules=jdk.incubator.vector");
        assertThat(run.out()).contains("2 requests answered", "0 with an error");
    }

    private static List<String> warnings(CommandRun run) {
        return run.err().lines().filter(line -> line.contains("WARN ")).toList();
    }

    private static CommandRun jvm(String flags, Object... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(List.of(flags.split(" ")));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Millrace.class.getName()));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        Path in = Files.writeString(Files.createTempFile(temporary, "in", null), "[1,2]\n");
        Path out = Files.createTempFile(temporary, "out", null);
        Path err = Files.createTempFile(temporary, "err", null);
        Process process = new ProcessBuilder(command)
                .redirectInput(in.toFile()).redirectOutput(out.toFile())
                .redirectError(err.toFile()).start();
        boolean ended = process.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES);
        process.destroyForcibly();
        CommandRun run = new CommandRun(ended ? process.exitValue() : -1, Files.readString(out, StandardCharsets.UTF_8),
                Files.readString(err, StandardCharsets.UTF_8));
        assertThat(run.exitCode()).describedAs("%s", run).isZero();
        return run;
    }
}
