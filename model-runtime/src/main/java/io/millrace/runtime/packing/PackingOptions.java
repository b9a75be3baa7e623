package io.millrace.runtime.packing;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How weights are packed.
 *
 * @param cacheDirectory where packed weights are kept between starts, made when it is missing; empty packs in memory at
 *        every start
 * @param threads that pack and check
 * @param listener hears how far it is
 */
public record PackingOptions(Optional<Path> cacheDirectory, int threads, LoadingListener listener) {
    /** Name of the setting that {@link #cacheDirectory(String)} reads. */
    public static final String SETTING = "millrace.weights.cache-dir";
    /** The setting's value that switches the cache off. */
    public static final String OFF = "none";

    public PackingOptions {
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be at least 1, not " + threads);
        }
    }

    /** Packs in memory, silently. */
    public static PackingOptions inMemory(int threads) {
        return new PackingOptions(Optional.empty(), threads, LoadingListener.NONE);
    }

    /**
     * The directory that a setting names.
     *
     * @param setting a path, {@value #OFF}, or null for the default, {@code $XDG_CACHE_HOME/millrace} or
     *        {@code ~/.cache/millrace}
     * @throws IllegalArgumentException when it is no path, or there is no home directory to take the default from
     */
    public static Optional<Path> cacheDirectory(@Nullable String setting) {
        return cacheDirectory(setting, System.getenv("XDG_CACHE_HOME"), System.getProperty("user.home"));
    }

    static Optional<Path> cacheDirectory(@Nullable String setting, @Nullable String xdgCacheHome,
            @Nullable String home) {
        if (setting != null) {
            return setting.equals(OFF) ? Optional.empty() : Optional.of(path(setting));
        }
        // The XDG base directory specification wants relative paths to be ignored.
        if (xdgCacheHome != null && xdgCacheHome.startsWith("/")) {
            return Optional.of(Path.of(xdgCacheHome, "millrace"));
        }
        // The JVM says "?" of a user whom the system does not know.
        if (home == null || !Path.of(home).isAbsolute()) {
            throw new IllegalArgumentException(
                    SETTING + ": missing, and there is no home directory for the default; set it to a directory or to "
                            + OFF);
        }
        return Optional.of(Path.of(home, ".cache", "millrace"));
    }

    private static Path path(String setting) {
        try {
            if (!setting.isBlank()) {
                return Path.of(setting).toAbsolutePath();
            }
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException(SETTING + ": " + setting + " is not a path; set it to a directory or to "
                    + OFF, e);
        }
        throw new IllegalArgumentException(SETTING + ": is blank; set it to a directory or to " + OFF);
    }
}
