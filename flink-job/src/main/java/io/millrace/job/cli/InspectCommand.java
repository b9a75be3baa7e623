package io.millrace.job.cli;

import com.sun.management.OperatingSystemMXBean;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace inspect}: what is in a model file and what it will need. */
@Command(name = "inspect", mixinStandardHelpOptions = true, description = "Show a model's geometry, tensor types, sizes and the memory it needs.", footer = {
        "", "Example:", "  millrace inspect --model model.gguf --memory 16384"})
final class InspectCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOption model;

    @Option(names = "--memory", paramLabel = "MIB", description = "Memory for weights and KV cache together, in MiB. Default: this machine's.")
    private @Nullable Long mebibytes;

    @Option(names = "--json", description = "Write one JSON object.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        if (mebibytes != null && mebibytes < 1) {
            throw new InvalidInput("--memory: " + mebibytes + " is not 1 or more");
        }
        PrintWriter out = spec.commandLine().getOut();
        try (LlamaWeights weights = LlamaWeights.open(model.path())) {
            ModelReport report = ModelReport.of(weights, mebibytes == null ? machineMemory() : mebibytes << 20);
            if (json) {
                out.println(Json.line(report));
            } else {
                print(report, out);
            }
        }
        return 0;
    }

    static long machineMemory() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    }

    private static void print(ModelReport report, PrintWriter out) {
        ModelReport.Geometry g = report.geometry();
        out.printf("%s%n", report.name());
        out.printf("  fingerprint   %s%n", report.fingerprint());
        out.printf("  geometry      %d layers, hidden %d, ffn %d, %d heads (%d kv) of %d, vocabulary %d%n", g.layers(),
                g.hidden(), g.ffn(), g.heads(), g.kvHeads(), g.headDim(), g.vocabSize());
        out.printf("  positions     context %d, RoPE theta %.0f, %s%n", g.contextLength(), g.ropeTheta(),
                g.ropeScaling() ? "llama3 scaling" : "no scaling");
        out.printf("  output        %s%n", g.tiedOutput() ? "tied to the embedding" : "a matrix of its own");
        out.printf(Locale.ROOT, "  parameters    %,d in %s%n", report.parameters(), size(report.weightBytes()));
        report.tensorTypes().forEach((type, share) -> out.printf("    %-11s %d tensors, %s%n", type, share.tensors(),
                size(share.bytes())));
        for (KvType type : KvType.values()) {
            out.printf("  KV cache %-4s %s per token; %d tokens fit in %s beside the weights%n",
                    type.name().toLowerCase(Locale.ROOT), size(report.kvBytesPerToken().getOrDefault(type, 0L)),
                    report.contextThatFits().getOrDefault(type, 0L), size(report.memoryBytes()));
        }
        report.warnings().forEach(warning -> out.printf("  warning       %s%n", warning));
    }

    private static String size(long bytes) {
        String[] units = {"bytes", "KiB", "MiB", "GiB", "TiB"};
        int unit = bytes < 1024 ? 0 : Math.min(units.length - 1, (63 - Long.numberOfLeadingZeros(bytes)) / 10);
        return unit == 0
                ? bytes + " bytes"
                : String.format(Locale.ROOT, "%.1f %s", bytes / Math.scalb(1.0, 10 * unit), units[unit]);
    }
}
