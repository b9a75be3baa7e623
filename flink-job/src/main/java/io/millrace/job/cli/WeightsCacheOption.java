package io.millrace.job.cli;

import io.millrace.runtime.packing.PackingOptions;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The {@code --weights-cache-dir} option of every verb that computes with a model. */
final class WeightsCacheOption {
    static final String NAME = "--weights-cache-dir";

    @Option(names = NAME, paramLabel = "DIR", description = "Where packed weights are kept between starts; "
            + PackingOptions.OFF
            + " packs them in memory every time. Default: millrace in $$XDG_CACHE_HOME or else in ~/.cache.")
    private @Nullable String directory;

    /** What was typed. */
    @Nullable
    String setting() {
        return directory;
    }

    /** Throws when what was typed is no path, naming the setting. */
    Optional<Path> directory() {
        return PackingOptions.cacheDirectory(directory);
    }
}
