package io.millrace.runtime.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KernelProviderTest {
    private static final String MODULE = "--add-modules=jdk.incubator.vector";
    private static final int BITS = FloatVector.SPECIES_PREFERRED.vectorBitSize();

    @Test
    void picksTheVectorKernelsWhereTheirShapeIsPreferred() {
        Assumptions.assumeTrue(BITS == 256 || BITS == 512, "vectors of " + BITS + " bits");
        assertThat(KernelProvider.choose(null).name()).isEqualTo("vector (" + BITS + " bit)");
        assertThat(KernelProvider.choose("vector").name()).isEqualTo("vector (" + BITS + " bit)");
    }

    @Test
    void thePropertyForcesAChoice() {
        assertThat(KernelProvider.choose("scalar")).isInstanceOf(ScalarKernels.class);
        assertThatIllegalArgumentException().isThrownBy(() -> KernelProvider.choose("gpu"))
                .withMessage("millrace.kernels must be scalar, vector, vector-256 or vector-512, not gpu");
    }

    /** Those that the machine has not are emulated. */
    @ParameterizedTest
    @ValueSource(ints = {256, 512})
    void vectorsOfBothShapesGiveTheSameBits(int bits) throws Exception {
        assertThat(digestOfJvm(MODULE, "-Dmillrace.kernels=vector-" + bits))
                .isEqualTo("vector (" + bits + " bit) " + scalarDigest());
    }

    @Test
    void aSmallerLargestVectorIsUsed() throws Exception {
        Assumptions.assumeTrue(BITS >= 256, "vectors of " + BITS + " bits");
        assertThat(digestOfJvm(MODULE, "-XX:MaxVectorSize=32")).isEqualTo("vector (256 bit) " + scalarDigest());
    }

    @ParameterizedTest
    @ValueSource(strings = {"-Dmillrace.kernels=scalar", "-XX:MaxVectorSize=16", "-XX:TieredStopAtLevel=1", "-Xint"})
    void fallsBackToTheScalarKernelsWhereVectorsWouldCrawl(String flag) throws Exception {
        assertThat(digestOfJvm(MODULE, flag)).isEqualTo("scalar " + scalarDigest());
    }

    @Test
    void fallsBackToTheScalarKernelsWithoutTheModule() throws Exception {
        assertThat(digestOfJvm()).isEqualTo("scalar " + scalarDigest());
    }

    @Test
    void narrowVectorsAreNoFaultOfTheFlagsWhereTheProcessorHasNoWiderOnes(@TempDir Path directory) throws Exception {
        Path cpuInfo = directory.resolve("cpuinfo");
        assertThat(KernelProvider.mayHaveAvx512(cpuInfo)).as("unknown").isTrue();
        Files.writeString(cpuInfo, "flags : fma avx2 avx512f\n");
        assertThat(KernelProvider.mayHaveAvx512(cpuInfo)).isTrue();
        Files.writeString(cpuInfo, "flags : fma avx2\n");
        assertThat(KernelProvider.mayHaveAvx512(cpuInfo)).isFalse();
    }

    private static long scalarDigest() {
        return KernelDigest.of(new ScalarKernels());
    }

    /** What {@link KernelDigest} prints in a JVM with these flags. */
    private static String digestOfJvm(String... flags) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+IgnoreUnrecognizedVMOptions", "-cp", System.getProperty("java.class.path")));
        Stream.of(flags).forEach(command::add);
        command.add(KernelDigest.class.getName());
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(process.waitFor()).isZero();
        return output;
    }
}
