package io.millrace.job.cli;

import io.millrace.job.ShippedModel;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.weights.LayerSplit;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code --model} option of verbs that can do without one: the project's own model stands in. */
final class DefaultModelOption {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec verb;

    @Option(names = {"-m",
            "--model"}, paramLabel = "PATH", description = "A GGUF file, the first file of a split GGUF, or a Hugging Face directory. Default: the small model of a support desk "
                    + "that comes with Millrace.")
    private @Nullable Path path;

    @Mixin
    private WeightsCacheOption cache;

    /** Where packed weights are kept. */
    WeightsCacheOption cache() {
        return cache;
    }

    /** Whether a model was named. */
    boolean isNamed() {
        return path != null;
    }

    /** The model that was named, or the one that comes with this build; empty when there is neither. */
    Optional<Path> find() throws IOException {
        return path != null ? Optional.of(path) : ShippedModel.extract(cache.directory());
    }

    /** The same; throws when there is neither. */
    Path path() throws IOException {
        return find().orElseThrow(() -> new ParameterException(verb.commandLine(),
                "Missing required option: '--model=PATH' (this build has no model of its own)"));
    }

    /**
     * Reads and packs a model that a job will open, so that a damaged file is told in one line and not by a failing job, and that a
     * long packing is seen.
     *
     * @return the model's name
     */
    String prepare(Path model) {
        return LoadingProgress.during(cache.directory(), Runtime.getRuntime().availableProcessors(),
                verb.commandLine().getErr(),
                packing -> LlamaModel.prepare(model, outline -> LayerSplit.balanced(outline, 1), packing));
    }
}
