package io.millrace.job.cli;

import io.millrace.job.bench.MachineLimits;
import io.millrace.job.plan.HardwareLimits;
import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the task managers of a plan can do: given, or else as measured on this machine. */
final class HardwareOptions {
    private static final int CORES_HERE = Runtime.getRuntime().availableProcessors();

    @Option(names = "--cores", paramLabel = "N", description = "Cores of a task manager. Default: this machine's.")
    private int cores = CORES_HERE;

    @Option(names = "--bandwidth", paramLabel = "GB/S", description = "10^9 bytes per second that its cores read from memory. Default: measured here.")
    private @Nullable Double bandwidth;

    @Option(names = "--gflops", paramLabel = "GFLOP/S", description = "10^9 operations per second of f32 multiply-adds of its cores. Default: measured here, times the cores.")
    private @Nullable Double gflops;

    @Option(names = "--network", paramLabel = "GB/S", defaultValue = "1.25", description = "10^9 bytes per second between two task managers. Default: ${DEFAULT-VALUE}, which is 10 Gbit/s.")
    private double network;

    @Option(names = "--latency", paramLabel = "MS", defaultValue = "0.5", description = "Milliseconds from a record's being sent to its being received. Default: ${DEFAULT-VALUE}.")
    private double latency;

    @Option(names = "--shared-machine", description = "All task managers run on one machine, and share its cores and bandwidth.")
    private boolean shared;

    /** Throws when an option is out of range, naming it. */
    void check() {
        Numbers.requirePositive("--cores", cores);
        requirePositive("--bandwidth", bandwidth);
        requirePositive("--gflops", gflops);
        requirePositive("--network", network);
        if (!(latency >= 0 && Double.isFinite(latency))) {
            throw new InvalidInput("--latency: " + latency + " is not 0 or more");
        }
        if (bandwidth == null && cores != CORES_HERE) {
            throw new InvalidInput("--cores: this machine has " + CORES_HERE + ", and how fast " + cores
                    + " read memory does not follow from that; give --bandwidth too");
        }
    }

    /** The limits; measures those that are not given, which takes a few seconds. */
    HardwareLimits limits(PrintWriter err) {
        Double read = bandwidth;
        Double multiplied = gflops;
        if (read == null || multiplied == null) {
            err.println("millrace: measuring how fast this machine reads memory and multiplies, for about 3 s");
            MachineLimits here = MachineLimits.measure(CORES_HERE);
            if (here == null) {
                throw new CommandFailure(
                        "the limits of this machine cannot be measured, since the Vector API is not in "
                                + "use; give --bandwidth and --gflops");
            }
            read = read == null ? Double.valueOf(here.memoryGbPerSecond()) : read;
            multiplied = multiplied == null ? here.fmaGflopPerSecond() * cores / CORES_HERE : multiplied;
        }
        return new HardwareLimits(cores, read, multiplied, network, latency, shared);
    }

    private static void requirePositive(String option, @Nullable Double value) {
        if (value != null && !(value > 0 && Double.isFinite(value))) {
            throw new InvalidInput(option + ": " + value + " is not a number above 0");
        }
    }
}
