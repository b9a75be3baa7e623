package io.millrace.runtime.kernels;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Picks the kernels for this JVM, once, and logs what it picked: the Vector API where it is there, compiled and of a shape
 * the kernels know, else the scalar reference, which gives the same bits, many times slower. Wrong JVM flags do not fail,
 * they crawl; so a warning names what to change. The system property {@code millrace.kernels} ({@code scalar},
 * {@code vector}, {@code vector-256} or {@code vector-512}) decides by force; vectors that the machine has not are emulated, to
 * test the code for them.
 */
public final class KernelProvider {
    /** Name of the system property that forces a choice. */
    public static final String PROPERTY = "millrace.kernels";
    private static final String VECTOR = "vector";
    static final String VECTOR_256 = "vector-256";
    static final String VECTOR_512 = "vector-512";

    private static final Logger LOG = LoggerFactory.getLogger(KernelProvider.class);

    /** What Linux says of the processor. */
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

    private KernelProvider() {}

    private static final class Chosen {
        static final Kernels KERNELS = choose(System.getProperty(PROPERTY));
    }

    /** The kernels of this JVM. */
    public static Kernels kernels() {
        return Chosen.KERNELS;
    }

    /**
     * Picks kernels.
     *
     * @param forced the property's value or null
     * @throws IllegalArgumentException for another name
     * @throws IllegalStateException when the vector kernels are forced where they cannot run
     */
    static Kernels choose(@Nullable String forced) {
        Kernels kernels = switch (forced) {
            case "scalar" -> new ScalarKernels();
            case VECTOR, VECTOR_256, VECTOR_512 -> {
                obstacle(forced).ifPresent(problem -> {
                    throw new IllegalStateException(PROPERTY + "=" + forced + ": " + problem);
                });
                yield vector();
            }
            case null -> obstacle(VECTOR).map(KernelProvider::fallBack).orElseGet(KernelProvider::vector);
            default -> throw new IllegalArgumentException(
                    PROPERTY + " must be scalar, vector, vector-256 or vector-512, not " + forced);
        };
        LOG.info("Kernels: {}, on {} {}", kernels.name(), System.getProperty("java.vm.name"),
                System.getProperty("java.vm.version"));
        return kernels;
    }

    private static Kernels fallBack(String problem) {
        LOG.warn("Decoding will be many times slower than it could be: {}", problem);
        return new ScalarKernels();
    }

    /** In a method of its own, so that no vector class is loaded before it is known to be there. */
    private static Kernels vector() {
        if (VectorKernels.emulated()) {
            LOG.warn("Decoding will crawl: {} asks for vectors that this machine has not", PROPERTY);
        } else if (!VectorKernels.widest() && mayHaveAvx512(CPU_INFO)) {
            LOG.warn(
                    "Decoding will be slower than it could be where the processor has AVX-512: the JVM's vectors have 256 bit;"
                            + " start it with -XX:UseAVX=3 and without -XX:MaxVectorSize or -Dmillrace.kernels");
        }
        return new VectorKernels();
    }

    /** Whether the processor has vectors of 512 bits, or there is no telling, as on other systems than Linux. */
    static boolean mayHaveAvx512(Path cpuInfo) {
        try {
            return Files.readString(cpuInfo).contains("avx512f");
        } catch (IOException e) {
            return true;
        }
    }

    /** Why the vector kernels cannot be used, and what helps; vectors of a shape that is asked for are emulated if need be. */
    private static Optional<String> obstacle(String wanted) {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            return Optional.of("the module jdk.incubator.vector is not loaded; start the JVM with"
                    + " --add-modules=jdk.incubator.vector");
        }
        if (!hasOptimizingCompiler()) {
            return Optional.of("the JVM runs without its C2 compiler; remove -Xint, -XX:TieredStopAtLevel and"
                    + " -XX:-UseCompiler from its flags");
        }
        if (wanted.equals(VECTOR) && (!VectorKernels.supported() || VectorKernels.emulated())) {
            return Optional.of("there are vector kernels for 256 and 512 bit only, and this machine (or"
                    + " -XX:MaxVectorSize) prefers another size");
        }
        return Optional.empty();
    }

    private static boolean hasOptimizingCompiler() {
        String mode = System.getProperty("java.vm.info", "").toLowerCase(Locale.ROOT);
        if (mode.contains("interpreted")) {
            return false;
        }
        HotSpotDiagnosticMXBean vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        return vm == null || Integer.parseInt(vm.getVMOption("TieredStopAtLevel").getValue()) >= 4;
    }
}
