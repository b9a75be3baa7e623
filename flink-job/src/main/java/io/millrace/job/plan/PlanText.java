package io.millrace.job.plan;

import io.millrace.job.plan.PlanReport.Asked;
import io.millrace.job.plan.PlanReport.Shard;
import io.millrace.job.plan.Prediction.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A plan for people: lines of at most 100 columns, but for names that are longer. */
public final class PlanText {
    private static final int COLUMNS = 100;
    private static final double GIB = 1L << 30;

    private final PlanReport plan;
    private final List<String> lines = new ArrayList<>();

    private PlanText(PlanReport plan) {
        this.plan = plan;
    }

    /** The lines, without the end of the last one. */
    public static String of(PlanReport plan) {
        PlanText text = new PlanText(plan);
        text.asked();
        text.fold((plan.fits() ? "" : "It does not fit. ") + plan.why());
        text.remedies();
        text.taskManagers();
        text.prediction();
        text.settings();
        return String.join(System.lineSeparator(), text.lines);
    }

    private void asked() {
        PlanReport.Model model = plan.model();
        Asked asked = plan.asked();
        line(String.format(Locale.ROOT, "%s, %s", model.name(), model.quantization()));
        line(String.format(Locale.ROOT, "%d layers, %s GiB in the file, %s of KV cache per token (%s)", model.layers(),
                gib(model.fileBytes()),
                kib(model.kvBytesPerToken()), asked.kvType()));
        line(String.format(Locale.ROOT,
                "%d task manager%s of %s GiB; %,d session%s of at most %,d tokens, %,d decoding at a time",
                asked.taskManagers(), plural(asked.taskManagers()), gib(asked.memoryBytes()), asked.sessions(),
                plural(asked.sessions()), asked.context(), asked.batch()));
        line("");
    }

    private void remedies() {
        if (!plan.fits()) {
            line(plan.remedies().isEmpty()
                    ? "No number of task managers of this memory, and no fewer or shorter sessions, make it fit."
                    : plan.remedies().size() == 1 ? "This makes it fit:" : "Each of these alone makes it fit:");
            plan.remedies().forEach(change -> line(String.format(Locale.ROOT, "  %s", change)));
        }
    }

    private void taskManagers() {
        line("");
        row("task manager", "pipeline", "shard", "layers", "file", "packed", "plain", "KV", "process", "total", "free");
        plan.taskManagers().forEach(number -> {
            int shard = (number - 1) % plan.shards().size();
            Shard load = plan.shards().get(shard);
            row(Integer.toString(number), Integer.toString((number - 1) / plan.shards().size() + 1),
                    Integer.toString(shard + 1), load.layers(), gib(load.fileBytes()), gib(load.packedBytes()),
                    gib(load.plainBytes()), gib(load.kvBytes()), gib(load.processBytes()), gib(load.bytes()),
                    gib(load.freeBytes()));
        });
        fold("Sizes in GiB. In memory are packed weights, those used plainly as in the file, the KV cache, and the "
                + "process; the file's other weights are read once, when they are packed.");
    }

    private void prediction() {
        Prediction prediction = plan.prediction();
        HardwareLimits limits = plan.limits();
        if (prediction == null || limits == null) {
            return;
        }
        line("");
        line(String.format(Locale.ROOT, "Predicted for %s cores that read %.1f GB/s and do %.0f GFLOP/s%s:",
                limits.cores(),
                limits.memoryGbPerSecond(), limits.fmaGflopPerSecond(),
                limits.shared() ? ", shared by all task managers" : " in each task manager"));
        line(String.format(Locale.ROOT, "  decode    %s tokens/s in all, %s per session, with %,d tokens before them",
                rate(prediction.decodeTokensPerSecond()), rate(prediction.sessionTokensPerSecond()),
                prediction.position()));
        line(String.format(Locale.ROOT,
                "  prefill   %s tokens/s in all; a prompt of %d tokens alone: first token after %s ms",
                rate(prediction.prefillTokensPerSecond()), prediction.promptTokens(),
                rate(prediction.firstTokenMs())));
        if (plan.shards().size() > 1) {
            line(String.format(Locale.ROOT,
                    "  network   %,.0f bytes per token, %s MB/s in all; a link has %s GB/s and takes %s ms",
                    prediction.networkBytesPerToken(), rate(prediction.networkBytesPerSecond() / 1e6),
                    rate(limits.networkGbPerSecond()), rate(limits.latencyMs())));
        }
        line(String.format(Locale.ROOT, "  waits for %s", bottleneck(prediction)));
        line("");
        line(String.format(Locale.ROOT, "%5s  %-9s %19s %22s   %s", "shard", "layers", "decode, ms a pass",
                "prefill, ms a chunk", "bound by"));
        for (int i = 0; i < prediction.stages().size(); i++) {
            Stage stage = prediction.stages().get(i);
            line(String.format(Locale.ROOT, "%5d  %-9s %19s %22s   %s", i + 1, stage.layers(), rate(stage.decodeMs()),
                    rate(stage.prefillMs()),
                    stage.decodeBoundBy()));
        }
        String rows = rate(prediction.rows()).replaceFirst("\\.0+$", "");
        line("A pass: " + rows + (prediction.rows() == 1 ? " row; " : " rows; ") + prediction.microBatches()
                + " in flight in each pipeline. A chunk: at most " + ProcessMemory.maxRows() + " rows.");
    }

    private String bottleneck(Prediction prediction) {
        return switch (prediction.bottleneck()) {
            case SLOWEST_SHARD -> {
                int slowest = 0;
                for (int i = 1; i < prediction.stages().size(); i++) {
                    slowest = prediction.stages().get(i).decodeMs() > prediction.stages().get(slowest).decodeMs()
                            ? i
                            : slowest;
                }
                yield "shard " + (slowest + 1) + ": " + prediction.stages().get(slowest).decodeBoundBy();
            }
            case SHARED_MACHINE -> "the machine that all shards share";
            case ROUND_TRIP -> "a token's way through all shards; more sessions at a time would decode more in all";
            case NETWORK -> "the network between two shards";
        };
    }

    private void settings() {
        if (plan.settings() != null) {
            line("");
            line("# Settings of job and cluster. A task manager's memory holds the mapped weights beside what");
            line("# taskmanager.memory.process.size counts.");
            plan.settings().forEach((key, value) -> line(String.format(Locale.ROOT, "%s: %s", key, value)));
        }
    }

    private void row(String... cells) {
        line(String.format(Locale.ROOT, "%12s %9s %6s %8s %8s %8s %7s %8s %8s %8s %8s", (Object[]) cells));
    }

    private void line(String line) {
        lines.add(line.stripTrailing());
    }

    /** One paragraph. */
    private void fold(String text) {
        StringBuilder line = new StringBuilder();
        for (String word : text.split(" ", -1)) {
            if (line.length() + 1 + word.length() > COLUMNS) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        lines.add(line.toString());
    }

    private static String plural(int count) {
        return count == 1 ? "" : "s";
    }

    private static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.2f", bytes / GIB);
    }

    private static String kib(long bytes) {
        return String.format(Locale.ROOT, bytes % 1024 == 0 ? "%.0f KiB" : "%.1f KiB", bytes / 1024.0);
    }

    /** Three digits that count. */
    private static String rate(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%,.0f", value);
    }
}
