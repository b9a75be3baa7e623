package io.millrace.job.cli;

import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace sample-model}: a model to try things with, without a download. */
@Command(name = "sample-model", mixinStandardHelpOptions = true, description = {
        "Write a small Llama with seeded random weights, as GGUF.",
        "It is untrained: it talks fluent nonsense, at full speed and bit for bit the same each time."}, footer = {"",
                "Example:", "  millrace sample-model --out sample.gguf"})
final class SampleModelCommand implements Callable<Integer> {
    private static final Set<TensorType> WRITABLE = EnumSet.of(TensorType.F32, TensorType.F16, TensorType.BF16,
            TensorType.Q8_0, TensorType.Q4_0);

    @Spec
    private CommandSpec spec;

    @Option(names = {"-o", "--out"}, required = true, paramLabel = "FILE", description = "The GGUF file to write.")
    private Path out;

    @Option(names = "--seed", paramLabel = "S", description = "Equal seeds give equal files. Default: ${DEFAULT-VALUE}.")
    private long seed = SampleModel.Options.defaults().seed();

    @Option(names = "--type", paramLabel = "TYPE", description = "How matrices are stored: F32, F16, BF16, Q8_0 or Q4_0. Default: ${DEFAULT-VALUE}.")
    private TensorType type = SampleModel.Options.defaults().type();

    @Option(names = "--force", description = "Overwrite the file if it exists.")
    private boolean force;

    @Override
    public Integer call() throws IOException {
        if (!WRITABLE.contains(type)) {
            throw new InvalidInput("--type: " + type + " is not one of F32, F16, BF16, Q8_0 or Q4_0");
        }
        if (Files.exists(out) && !force) {
            throw new InvalidInput(out + " exists; choose another --out, or overwrite it with --force");
        }
        SampleModel.write(out, SampleModel.Options.defaults().withSeed(seed).withType(type));
        spec.commandLine().getErr().printf("Wrote %s: %,d bytes, untrained.%n", out, Files.size(out));
        return 0;
    }
}
