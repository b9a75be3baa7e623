package io.millrace.runtime.packing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class PackingOptionsTest {
    @Test
    void theDefaultDirectoryFollowsTheXdgSpecification() {
        assertThat(PackingOptions.cacheDirectory(null, "/var/cache/me", "/home/me"))
                .hasValue(Path.of("/var/cache/me/millrace"));
        assertThat(PackingOptions.cacheDirectory(null, null, "/home/me")).hasValue(Path.of("/home/me/.cache/millrace"));
        assertThat(PackingOptions.cacheDirectory(null, "", "/home/me")).hasValue(Path.of("/home/me/.cache/millrace"));
        assertThat(PackingOptions.cacheDirectory(null, "relative", "/home/me"))
                .hasValue(Path.of("/home/me/.cache/millrace"));
    }

    @Test
    void aSettingWinsAndNoneSwitchesTheCacheOff() {
        assertThat(PackingOptions.cacheDirectory("/big/disk", "/var/cache/me", "/home/me"))
                .hasValue(Path.of("/big/disk"));
        assertThat(PackingOptions.cacheDirectory("none", "/var/cache/me", "/home/me")).isEmpty();
        assertThat(PackingOptions.cacheDirectory("cache", null, "/home/me").orElseThrow()).isAbsolute();
    }

    @Test
    void withoutAHomeTheSettingIsAskedFor() {
        assertThatIllegalArgumentException().isThrownBy(() -> PackingOptions.cacheDirectory(null, null, "?"))
                .withMessage("millrace.weights.cache-dir: missing, and there is no home directory for the default;"
                        + " set it to a directory or to none");
    }

    @Test
    void whatIsNoPathIsRefusedByName() {
        assertThatIllegalArgumentException().isThrownBy(() -> PackingOptions.cacheDirectory(" ", null, null))
                .withMessage("millrace.weights.cache-dir: is blank; set it to a directory or to none");
        assertThatIllegalArgumentException().isThrownBy(() -> PackingOptions.cacheDirectory("a\0b", null, null))
                .withMessageStartingWith("millrace.weights.cache-dir: a\0b is not a path");
    }

    @Test
    void atLeastOneThreadPacks() {
        assertThatIllegalArgumentException().isThrownBy(() -> PackingOptions.inMemory(0));
    }
}
