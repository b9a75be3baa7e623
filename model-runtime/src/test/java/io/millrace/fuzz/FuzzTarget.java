package io.millrace.fuzz;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;

/**
 * A property of a reader that holds for all inputs, and the inputs that are tried: every file in the test resources
 * {@code fuzz/NAME} (seeds, and what once was a finding) and mutations of them drawn from a fixed seed. When the system
 * property {@code fuzz.seconds} is set, coverage guidance looks for more for that long, and as long what it has found is
 * mutated without it, which is many times faster.
 *
 * <p>Beside the property itself no input may make the reader allocate more than a constant times its length and a fixed
 * sum. A test class that holds a target has a method {@code public static void fuzzerTestOneInput(byte[])} that calls
 * {@link #accept}, which is where the guided fuzzer enters. One thread.
 */
public final class FuzzTarget {
    /** Far above what the readers need, far below what a lying length asks for. */
    private static final long BYTES_PER_INPUT_BYTE = 256;
    private static final long FIXED_BYTES = Long.getLong(GuidedRun.FIXED_BYTES_PROPERTY, 1 << 20);
    /** So that all targets together take seconds. */
    private static final int MUTATIONS = 2_000;
    private static final long SEED = 20_240_723;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Class<?> test;
    private final String name;
    private final List<String> dictionary;
    private final Property property;

    /** What holds for every input; throws when it does not. */
    @FunctionalInterface
    public interface Property {
        void check(byte[] input) throws Exception;
    }

    /**
     * @param test the class that holds the target
     * @param name of its directory in the test resources
     * @param dictionary texts that mean something in the format
     */
    public FuzzTarget(Class<?> test, String name, List<String> dictionary, Property property) {
        this.test = test;
        this.name = name;
        this.dictionary = List.copyOf(dictionary);
        this.property = property;
    }

    /** Checks the property and the allocation for one input. */
    public void accept(byte[] input) throws Exception {
        long limit = FIXED_BYTES + BYTES_PER_INPUT_BYTE * input.length;
        long allocated = allocated(input);
        if (allocated > limit) {
            // Once more: the first input of a kind loads classes too.
            allocated = allocated(input);
        }
        if (allocated > limit) {
            throw new AssertionError(name + ": " + allocated + " bytes allocated for an input of " + input.length
                    + " bytes, the limit is " + limit);
        }
    }

    private long allocated(byte[] input) throws Exception {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        property.check(input);
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    /** A test per kept input, one of random inputs, and one of guided inputs when time for them is given. */
    public Stream<DynamicTest> tests() {
        List<DynamicTest> tests = new ArrayList<>();
        List<byte[]> corpus = new ArrayList<>();
        for (Path file : files(corpusDirectory())) {
            byte[] input = read(file);
            corpus.add(input);
            tests.add(DynamicTest.dynamicTest(String.valueOf(file.getFileName()), file.toUri(), () -> accept(input)));
        }
        tests.add(DynamicTest.dynamicTest(MUTATIONS + " mutations",
                () -> new MutationRun(this, mutator(SEED, corpus)).run(MUTATIONS)));
        Integer seconds = Integer.getInteger("fuzz.seconds");
        if (seconds != null) {
            GuidedRun guided = new GuidedRun(test, name, dictionary, corpusDirectory());
            tests.add(DynamicTest.dynamicTest("guided for " + seconds + " s", () -> guided.run(seconds)));
            tests.add(DynamicTest.dynamicTest("mutations of what guidance found for " + seconds + " s",
                    () -> new MutationRun(this, mutator(System.nanoTime(), guided.found()))
                            .runFor(Duration.ofSeconds(seconds))));
        }
        return tests.stream();
    }

    private Mutator mutator(long seed, List<byte[]> corpus) {
        return new Mutator(seed, corpus, dictionary);
    }

    String name() {
        return name;
    }

    private Path corpusDirectory() {
        String resource = "/fuzz/" + name;
        URL url = test.getResource(resource);
        if (url == null) {
            throw new IllegalStateException("no test resources " + resource + "; a target needs a seed");
        }
        try {
            return Path.of(new URI(url.toString()));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static List<Path> files(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An existing directory for a target whose reader wants files. */
    public static Path directory(String name) {
        return created(ScratchDirectory.get().resolve(name));
    }

    static Path created(Path directory) {
        try {
            return Files.createDirectories(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
