package io.millrace.job.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The {@code --model} option that every verb with a model has. */
final class ModelOption {
    @Option(names = {"-m",
            "--model"}, required = true, paramLabel = "PATH", description = "A GGUF file, the first file of a split GGUF, or a Hugging Face directory.")
    private Path path;

    Path path() {
        return path;
    }
}
