package io.millrace.job.cli;

import io.millrace.job.bench.BenchPlan;
import io.millrace.job.bench.BenchReport;
import io.millrace.job.bench.DecoderBench;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace bench}: how fast the decoder is on this machine, and how far from the machine's limits. */
@Command(name = "bench", mixinStandardHelpOptions = true, description = {
        "Measure the decoder alone, without Kafka and Flink: prefill, decode, and decode of many sequences together.",
        "Beside tokens per second it gives the weights read per second (GB/s), the operations of the products with the "
                + "model's matrices (GFLOP/s; attention is left out), and what share that is of what this machine can do, "
                + "measured in the same run: reading the weights, or f32 multiply-adds, whichever bounds the test."}, footer = {
                        "", "Examples:", "  millrace bench --model model.gguf",
                        "  millrace bench --model model.gguf --batch 1,8 --threads 2 --json"})
final class BenchCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private ModelOption model;

    @Option(names = "--pp", paramLabel = "N", defaultValue = "512", description = "Prefill: tokens of the prompt that is computed. Default: ${DEFAULT-VALUE}.")
    private int prefill;

    @Option(names = "--tg", paramLabel = "N", defaultValue = "64", description = "Decode: steps, one token per sequence each. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--batch", paramLabel = "N", split = ",", defaultValue = "1,4,8,16,32", description = "Decode: sequences that are computed together; a test for each number. Default: ${DEFAULT-VALUE}.")
    private List<Integer> batches;

    @Option(names = "--prompt", paramLabel = "N", defaultValue = "64", description = "Decode: tokens that a sequence has before the first step. Default: ${DEFAULT-VALUE}.")
    private int prompt;

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute. Default: one per processor.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--repetitions", paramLabel = "N", defaultValue = "3", description = "How often each test is timed, after a warm-up. Default: ${DEFAULT-VALUE}.")
    private int repetitions;

    @Option(names = "--kv-type", paramLabel = "TYPE", defaultValue = "f16", description = "How the KV cache stores values: f16 or f32. Default: ${DEFAULT-VALUE}.")
    private KvType kvType;

    @Option(names = "--json", description = "Write one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        BenchPlan plan = plan();
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            throw new CommandFailure(
                    "this machine's limits cannot be measured without the Vector API; start the JVM with --add-modules=jdk.incubator.vector");
        }
        PrintWriter out = spec.commandLine().getOut();
        try (LlamaWeights weights = LlamaWeights.open(model.path())) {
            weights.warnings()
                    .forEach(warning -> spec.commandLine().getErr()
                            .println("millrace: " + model.path() + ": " + warning));
            requireRoom(plan, weights);
            BenchReport report = measure(plan, weights);
            out.println(json ? Json.line(report) : report.table());
        }
        return 0;
    }

    private BenchReport measure(BenchPlan plan, LlamaWeights weights) {
        try (Progress progress = Progress.start("tokens", plan.tokens());
                DecoderBench bench = new DecoderBench(weights, plan, kvType, threads, progress::advance)) {
            return bench.run();
        }
    }

    private BenchPlan plan() {
        requirePositive("--pp", prefill);
        requirePositive("--tg", steps);
        for (int batch : batches) {
            requirePositive("--batch", batch);
            if (batch > DecoderBench.MAX_ROWS) {
                throw new InvalidInput(
                        "--batch: " + batch + " is more than the " + DecoderBench.MAX_ROWS + " rows of a forward pass");
            }
        }
        requirePositive("--prompt", prompt);
        requirePositive("--threads", threads);
        requirePositive("--repetitions", repetitions);
        return new BenchPlan(prefill, steps, batches, prompt, repetitions);
    }

    private static void requirePositive(String option, int value) {
        if (value < 1) {
            throw new InvalidInput(option + ": " + value + " is not 1 or more");
        }
    }

    private void requireRoom(BenchPlan plan, LlamaWeights weights) {
        int context = weights.config().contextLength();
        if (prefill > context) {
            throw new InvalidInput("--pp: " + prefill + " tokens are more than the model's context of " + context);
        }
        if ((long) prompt + steps > context) {
            throw new InvalidInput("--prompt and --tg: " + prompt + " and " + steps
                    + " tokens together are more than the model's context of " + context);
        }
        long needed = plan.kvBytes(KvLayout.of(weights.config(), kvType)) >> 20;
        long there = InspectCommand.machineMemory() >> 20;
        if (needed > there) {
            throw new InvalidInput("--pp, --batch, --prompt and --tg: they ask for " + needed
                    + " MiB of KV cache, and this machine has " + there + " MiB of memory; lower one of them");
        }
    }
}
