package io.millrace.runtime.packing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Several that start at once on one cache, and one that dies in the middle. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class SharedCacheTest {
    private Path directory;
    private PackedSample sample;

    @BeforeEach
    void writeModel(@TempDir Path temporary) throws IOException {
        directory = temporary;
        sample = PackedSample.in(directory);
    }

    private String expected() {
        try (PackedWeights packed = PackedWeights.open(sample.weights, PackingOptions.inMemory(1))) {
            return String.valueOf(PackingProcess.checksum(sample.weights, packed));
        }
    }

    @Test
    void ofTwoProcessesOnePacksAndTheOtherWaitsAndMaps() throws IOException {
        try (PackingProcess first = new PackingProcess(sample, "")) {
            assertThat(first.says()).hasValue("half");
            try (PackingProcess second = new PackingProcess(sample, "")) {
                assertThat(second.says()).hasValue("waiting");
                first.goOn();

                assertThat(first.says()).hasValue("packed " + expected());
                assertThat(second.says()).hasValue("mapped " + expected());
            }
        }
        sample.assertNothingElseInTheCache();
        assertThat(sample.packsAnew()).isFalse();
    }

    @Test
    void aPackerThatIsKilledLeavesNothingInTheWay() throws IOException, InterruptedException {
        try (PackingProcess dying = new PackingProcess(sample, "")) {
            assertThat(dying.says()).hasValue("half");
            assertThat(sample.files(".tmp")).hasSize(1);
            dying.kill();
        }

        assertThat(sample.packsAnew()).isTrue();
        sample.assertNothingElseInTheCache();
        assertThat(sample.packsAnew()).isFalse();
    }

    @Test
    void whoWaitsForAPackerThatIsKilledPacksInItsPlace() throws IOException, InterruptedException {
        try (PackingProcess dying = new PackingProcess(sample, "")) {
            assertThat(dying.says()).hasValue("half");
            try (PackingProcess heir = new PackingProcess(sample, "")) {
                assertThat(heir.says()).hasValue("waiting");
                dying.kill();

                assertThat(heir.says()).hasValue("half");
                heir.goOn();
                assertThat(heir.says()).hasValue("packed " + expected());
            }
        }
        sample.assertNothingElseInTheCache();
    }

    @Test
    void whenTheDiskTakesNoMoreWeightsArePackedInMemoryAndNothingIsLeft() throws IOException {
        // A limit of 64 blocks of 512 bytes for every file that the process writes, less than a packed matrix needs.
        try (PackingProcess limited = new PackingProcess(sample, "ulimit -f 64;")) {
            Optional<String> said = limited.says();
            while (said.equals(Optional.of("half"))) {
                limited.goOn();
                said = limited.says();
            }
            assertThat(said).hasValueSatisfying(last -> assertThat(last).endsWith(" " + expected()));
        }
        assertThat(sample.files(".packed")).isEmpty();
        assertThat(sample.files(".tmp")).isEmpty();
    }

    @Test
    void threadsOfOneProcessShareTheWorkOfOneOfThem() throws Exception {
        int threads = 4;
        AtomicInteger packers = new AtomicInteger();
        CountDownLatch othersWait = new CountDownLatch(threads - 1);
        LoadingListener listener = new LoadingListener() {
            @Override
            public void advanced(Step step, long done, long total) {
                if (done == 0) {
                    packers.incrementAndGet();
                    await(othersWait);
                }
            }

            @Override
            public void waiting() {
                othersWait.countDown();
            }
        };
        PackingOptions options = new PackingOptions(Optional.of(sample.cache), 1, listener);
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            List<Future<Long>> checksums = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                checksums.add(executor.submit(() -> {
                    try (PackedWeights packed = PackedWeights.open(sample.weights, options, 0)) {
                        return PackingProcess.checksum(sample.weights, packed);
                    }
                }));
            }
            for (Future<Long> checksum : checksums) {
                assertThat(String.valueOf(checksum.get())).isEqualTo(expected());
            }
        }
        assertThat(packers).hasValue(1);
        sample.assertNothingElseInTheCache();
    }

    @Test
    void whoIsInterruptedWhileItWaitsGivesUp() throws Exception {
        try (PackingProcess packer = new PackingProcess(sample, "");
                ExecutorService executor = Executors.newSingleThreadExecutor()) {
            assertThat(packer.says()).hasValue("half");
            CountDownLatch waits = new CountDownLatch(1);
            LoadingListener listener = new LoadingListener() {
                @Override
                public void advanced(Step step, long done, long total) {}

                @Override
                public void waiting() {
                    waits.countDown();
                }
            };
            Future<?> waiting = executor.submit(
                    () -> PackedWeights
                            .open(sample.weights, new PackingOptions(Optional.of(sample.cache), 1, listener), 0)
                            .close());
            waits.await();
            executor.shutdownNow();

            assertThat(waiting).failsWithin(1, TimeUnit.MINUTES).withThrowableOfType(ExecutionException.class)
                    .withRootCauseInstanceOf(InterruptedException.class);
            packer.goOn();
            assertThat(packer.says()).hasValue("packed " + expected());
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
