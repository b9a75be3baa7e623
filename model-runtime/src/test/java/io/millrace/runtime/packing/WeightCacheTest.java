package io.millrace.runtime.packing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a cache file survives, and what becomes of it when the model changes. */
class WeightCacheTest {
    private Path directory;
    private PackedSample sample;

    @BeforeEach
    void pack(@TempDir Path temporary) throws IOException {
        directory = temporary;
        sample = PackedSample.in(directory).withThreads(2);
        assertThat(sample.packsAnew()).isTrue();
    }

    private interface Damage {
        void to(RandomAccessFile file) throws IOException;
    }

    private void damage(Damage damage) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(sample.file().toFile(), "rw")) {
            damage.to(file);
        }
    }

    private void assertRepaired(String what) throws IOException {
        assertThat(sample.packsAnew()).as(what).isTrue();
        assertThat(sample.packsAnew()).as(what).isFalse();
        sample.assertNothingElseInTheCache();
    }

    @Test
    void aFlippedBitAnywhereIsFoundAndThePackedWeightsAreMadeAnew() throws IOException {
        long bytes = Files.size(sample.file());
        LongStream places = LongStream.concat(LongStream.of(0, 7, 8, 12, 16, 47, 48, 56, 60, 64, 4095, 4096, bytes - 1),
                new Random(1).longs(60, 0, bytes));
        for (long place : places.toArray()) {
            damage(file -> {
                file.seek(place);
                int value = file.read();
                file.seek(place);
                file.write(value ^ 1 << place % 8);
            });
            assertRepaired("a bit of byte " + place);
        }
    }

    @Test
    void everyBitOfTheHeaderCounts() throws IOException {
        byte[] whole = Files.readAllBytes(sample.file());
        PackedFile format = format(whole);
        Path copy = directory.resolve("copy");
        for (int place = 0; place < 4096; place++) {
            whole[place] ^= (byte) (1 << place % 8);
            Files.write(copy, whole);
            assertThat(isDamaged(format, copy)).as("byte " + place).isTrue();
            whole[place] ^= (byte) (1 << place % 8);
        }
        Files.write(copy, whole);
        assertThat(isDamaged(format, copy)).isFalse();
    }

    private PackedFile format(byte[] file) {
        byte[] key = Arrays.copyOfRange(file, 16, 16 + PackedFile.KEY_BYTES);
        return new PackedFile(PackingPlan.of(sample.weights), key);
    }

    private static boolean isDamaged(PackedFile format, Path file) throws IOException {
        try {
            format.check(file);
            return false;
        } catch (DamagedCacheException _) {
            return true;
        }
    }

    @Test
    void aTruncatedFileIsReplaced() throws IOException {
        long bytes = Files.size(sample.file());
        for (long length : new long[]{0, 1, 100, 4096, 4097, bytes / 2, bytes - 1}) {
            damage(file -> file.setLength(length));
            assertRepaired(length + " bytes");
        }
    }

    @Test
    void trailingBytesAreNotTolerated() throws IOException {
        damage(file -> {
            file.seek(file.length());
            file.write(0);
        });
        assertRepaired("a byte more");
    }

    @Test
    void aFileOfAnotherVersionIsReplaced() throws IOException {
        for (int field : new int[]{8, 12}) {
            damage(file -> {
                file.seek(field);
                file.write(99);
            });
            assertRepaired("version at byte " + field);
        }
    }

    @Test
    void aFileOfAnotherModelUnderThisNameIsReplaced() throws IOException {
        Path name = sample.file();
        byte[] other = Files.readAllBytes(name);
        sample = PackedSample.in(directory, PackedSample.OPTIONS.withSeed(2));
        assertThat(sample.packsAnew()).isTrue();
        assertThat(sample.file()).isNotEqualTo(name);
        Files.write(sample.file(), other);

        assertRepaired("the packed weights of another model");
    }

    @Test
    void aModelFileThatWasWrittenToIsPackedAnewAndTheOldEntryRemoved() throws IOException {
        Path before = sample.file();
        // In the middle of a large tensor, where the fingerprint does not look, it would be the same.
        Files.setLastModifiedTime(sample.model, FileTime.from(Instant.now().plus(1, ChronoUnit.MINUTES)));

        assertThat(sample.packsAnew()).isTrue();
        assertThat(before).doesNotExist();
        sample.assertNothingElseInTheCache();
    }

    @Test
    void theModelsOfOtherPathsKeepTheirEntries() throws IOException {
        PackedSample other = new PackedSample(Files.copy(sample.model, directory.resolve("model-2.gguf")),
                sample.cache);

        assertThat(other.packsAnew()).isTrue();
        assertThat(sample.packsAnew()).isFalse();
        assertThat(other.packsAnew()).isFalse();
    }

    @Test
    void everyRangeOfLayersHasAnEntryThatOthersLeaveAlone() throws IOException {
        PackedSample first = sample.withLayers(0, 1);
        PackedSample last = sample.withLayers(1, 2);
        assertThat(first.packsAnew()).isTrue();
        assertThat(last.packsAnew()).isTrue();
        assertThat(first.withLayers(0, 2).packsAnew()).as("all layers are the whole model").isFalse();
        String path = "model\\.gguf-[0-9a-f]{12}";
        assertThat(sample.files(".packed")).extracting(file -> file.getFileName().toString())
                .satisfiesExactlyInAnyOrder(name -> assertThat(name).matches(path + "-[0-9a-f]{16}\\.packed"),
                        name -> assertThat(name).matches(path + "\\.layers-0-0-[0-9a-f]{16}\\.packed"),
                        name -> assertThat(name).matches(path + "\\.layers-1-1-[0-9a-f]{16}\\.packed"));

        // Each packs anew and removes its own outdated entry.
        Files.setLastModifiedTime(sample.model, FileTime.from(Instant.now().plus(1, ChronoUnit.MINUTES)));
        for (PackedSample each : List.of(sample, first, last)) {
            assertThat(each.packsAnew()).isTrue();
            assertThat(sample.files(".packed")).hasSize(3);
        }
        for (PackedSample each : List.of(sample, first, last)) {
            assertThat(each.packsAnew()).isFalse();
        }
    }

    @Test
    void aModelIsKnownByTheFileThatALinkLeadsTo() throws IOException {
        Path link = Files.createSymbolicLink(directory.resolve("link.gguf"), sample.model);

        assertThat(new PackedSample(link, sample.cache).packsAnew()).isFalse();
    }

    @Test
    void filesOfDeadPackersAreRemovedAndThoseOfLivingOnesLeft() throws IOException {
        Path ownDead = Files.createFile(Path.of(sample.file() + ".0.tmp"));
        Path otherDead = Files.createFile(sample.cache.resolve("other.gguf-0-0.packed.0.tmp"));
        Path otherLiving = Files.createFile(sample.cache.resolve("other.gguf-0-0.packed.1.tmp"));
        Files.setLastModifiedTime(otherDead, FileTime.from(Instant.now().minus(1, ChronoUnit.DAYS)));
        Files.delete(sample.file());

        assertThat(sample.packsAnew()).isTrue();
        assertThat(List.of(ownDead, otherDead)).allSatisfy(file -> assertThat(file).doesNotExist());
        assertThat(otherLiving).exists();
    }

    @Test
    void deletingTheFileWhileItIsMappedIsHarmless() throws IOException {
        try (PackedWeights mapped = sample.open()) {
            assertThat(sample.progress).isEmpty();
            Files.delete(sample.file());

            PackedSample.assertEqualToPacking(sample.weights, mapped);
            assertThat(sample.packsAnew()).isTrue();
            PackedSample.assertEqualToPacking(sample.weights, mapped);
        }
    }

    @Test
    void preparingPacksOnceAndMapsNothing() throws IOException {
        Files.delete(sample.file());
        WeightCache cache = new WeightCache(sample.cache, sample.weights, PackingPlan.of(sample.weights),
                sample.options());

        sample.progress.clear();
        cache.prepare();
        assertThat(sample.progress).isNotEmpty();
        sample.progress.clear();
        cache.prepare();
        assertThat(sample.progress).isEmpty();
        assertThat(sample.packsAnew()).isFalse();
    }
}
