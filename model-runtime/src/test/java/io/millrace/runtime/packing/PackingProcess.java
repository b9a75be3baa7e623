package io.millrace.runtime.packing;

import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Another JVM that opens packed weights. It says {@code half} when half of them is packed and then waits for a line,
 * {@code waiting} when it waits for somebody else, and at the end {@code packed} or {@code mapped} with a checksum of all.
 */
final class PackingProcess implements AutoCloseable {
    private final Process process;
    private final BufferedReader out;

    /** @param shell comes before the command, for the limits of the process */
    PackingProcess(PackedSample sample, String shell) throws IOException {
        List<String> command = new ArrayList<>(List.of("sh", "-c", shell + " exec \"$@\"", "sh",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData", "-cp",
                System.getProperty("java.class.path"),
                PackingProcess.class.getName(), sample.model.toString(), sample.cache.toString()));
        process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /** The next thing that it says; empty at its end. */
    Optional<String> says() throws IOException {
        return Optional.ofNullable(out.readLine());
    }

    void goOn() throws IOException {
        process.getOutputStream().write('\n');
        process.getOutputStream().flush();
    }

    /** Ends it as {@code kill -9} does. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    public static void main(String[] args) {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        boolean[] packed = {false};
        LoadingListener listener = new LoadingListener() {
            @Override
            public void advanced(Step step, long done, long total) {
                if (!packed[0] && done >= total / 2) {
                    packed[0] = true;
                    out.println("half");
                    readLine();
                }
            }

            @Override
            public void waiting() {
                out.println("waiting");
            }
        };
        try (LlamaWeights weights = LlamaWeights.open(Path.of(args[0]));
                PackedWeights all = PackedWeights.open(weights,
                        new PackingOptions(Optional.of(Path.of(args[1])), 2, listener), 0)) {
            out.println((packed[0] ? "packed " : "mapped ") + checksum(weights, all));
        }
    }

    static long checksum(LlamaWeights weights, PackedWeights packed) {
        CRC32C crc = new CRC32C();
        for (Tensor tensor : weights.matrices()) {
            crc.update(packed.of(tensor).orElseThrow().data().toArray(ValueLayout.JAVA_BYTE));
        }
        return crc.getValue();
    }

    private static void readLine() {
        try {
            int next;
            do {
                next = System.in.read();
            } while (next >= 0 && next != '\n');
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
