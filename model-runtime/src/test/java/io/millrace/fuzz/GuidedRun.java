package io.millrace.fuzz;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A run of a target under <a href="https://github.com/CodeIntelligenceTesting/jazzer">Jazzer</a>, in a process of its own.
 * It keeps the inputs that reached new code, the log and what failed in {@code target/fuzz/NAME}; the next run goes on from
 * there.
 */
final class GuidedRun {
    /** An input that takes longer hangs. The first one loads and instruments classes, on a machine that may be busy. */
    private static final int TIMEOUT_SECONDS = 60;
    static final String FIXED_BYTES_PROPERTY = "fuzz.fixed-bytes";
    /** What instrumented code allocates besides. */
    private static final long FIXED_BYTES = 16 << 20;
    /** Room for a whole small model; longer inputs only take longer. */
    private static final int MAX_INPUT_BYTES = 16 << 10;
    private static final Pattern EXECUTIONS = Pattern.compile("stat::number_of_executed_units: (\\d+)");

    private final Class<?> test;
    private final String name;
    private final List<String> dictionary;
    private final Path seeds;
    private final Path directory;

    GuidedRun(Class<?> test, String name, List<String> dictionary, Path seeds) {
        this.test = test;
        this.name = name;
        this.dictionary = dictionary;
        this.seeds = seeds;
        this.directory = Path.of("target", "fuzz", name);
        FuzzTarget.created(corpus());
    }

    void run(int seconds) throws IOException, InterruptedException {
        Path log = directory.resolve("log");
        int exit = new ProcessBuilder(command(seconds)).redirectErrorStream(true).redirectOutput(log.toFile()).start()
                .waitFor();
        String output = new String(Files.readAllBytes(log), StandardCharsets.UTF_8);
        String executions = EXECUTIONS.matcher(output).results().map(result -> result.group(1)).findFirst()
                .orElse("unknown");
        System.out.println("fuzz " + name + ": " + executions + " executions in " + seconds + " s");
        if (exit != 0) {
            throw new AssertionError(name + ": the guided run found an input that fails; it is in " + directory
                    + ", and why in " + log + ": " + reason(output));
        }
    }

    /** Every input that reached new code, this time or before, and the seeds. */
    List<byte[]> found() {
        return Stream.of(seeds, corpus()).flatMap(inputs -> FuzzTarget.files(inputs).stream()).map(FuzzTarget::read)
                .toList();
    }

    private Path corpus() {
        return directory.resolve("corpus");
    }

    private List<String> command(int seconds) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-XX:+EnableDynamicAgentLoading",
                "-D" + ScratchDirectory.PROPERTY + "=" + ScratchDirectory.get(),
                "-D" + FIXED_BYTES_PROPERTY + "=" + FIXED_BYTES, "-cp",
                System.getProperty("java.class.path"), "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + test.getName(), "--instrumentation_includes=io.millrace.**",
                "--custom_hook_includes=io.millrace.**",
                "-dict=" + dictionary(),
                "-artifact_prefix=" + directory + "/", "--reproducer_path=" + directory, "-max_total_time=" + seconds,
                "-timeout=" + TIMEOUT_SECONDS,
                "-max_len=" + MAX_INPUT_BYTES, "-rss_limit_mb=0", "-print_final_stats=1",
                corpus().toString(), seeds.toString()));
        return command;
    }

    /** The dictionary as libFuzzer reads it. */
    private Path dictionary() throws IOException {
        Pattern plain = Pattern.compile("[A-Za-z0-9_.]");
        List<String> lines = new ArrayList<>();
        for (String entry : dictionary) {
            var line = new StringBuilder("\"");
            for (byte b : entry.getBytes(StandardCharsets.UTF_8)) {
                String c = String.valueOf((char) (b & 0xFF));
                line.append(plain.matcher(c).matches() ? c : "\\x" + HexFormat.of().toHexDigits(b));
            }
            lines.add(line.append('"').toString());
        }
        return Files.write(directory.resolve("dictionary"), lines, StandardCharsets.US_ASCII);
    }

    private static String reason(String output) {
        Matcher reason = Pattern.compile("(?m)^== Java Exception: .*|^==\\d+== ERROR: .*").matcher(output);
        return reason.results().map(MatchResult::group).findFirst().orElse("no reason is told there");
    }
}
