package io.millrace.job.cli;

import io.millrace.job.bench.BenchPlan;
import io.millrace.job.bench.BenchReport;
import io.millrace.job.bench.DecoderBench;
import io.millrace.job.bench.KernelBench;
import io.millrace.job.bench.KernelReport;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace bench}: how fast the decoder, or its kernels, are on this machine, and how far from its limits. */
@Command(name = "bench", mixinStandardHelpOptions = true, description = {
        "Measure the decoder alone, without Kafka and Flink: prefill, decode, and decode of many sequences together. Or, "
                + "with --kernels, the matrix products of each weight type, without a model.",
        "Beside the rate it gives the weights and KV cache read per second (GB/s), the operations (GFLOP/s), and what "
                + "share that is of what this machine can do, measured in the same run: reading the weights, or f32 "
                + "multiply-adds, whichever bounds the test."}, footer = {
                        "", "Examples:", "  millrace bench --model model.gguf",
                        "  millrace bench --model model.gguf --batch 1,8 --threads 2 --json",
                        "  millrace bench --model model.gguf --batch 1 --depth 0,8192 --kv-type f32",
                        "  millrace bench --kernels"})
final class BenchCommand implements Callable<Integer> {
    /** What has no meaning beside --kernels. */
    private static final List<String> NEEDS_MODEL = List.of("--model", "--pp", "--tg", "--batch", "--depth", "--prompt",
            "--kv-type");

    @Spec
    private CommandSpec spec;

    @Option(names = {"-m",
            "--model"}, paramLabel = "PATH", description = "A GGUF file, the first file of a split GGUF, or a Hugging Face directory. Required, but not with --kernels.")
    private @Nullable Path model;

    @Option(names = "--kernels", description = "Measure the matrix products of each weight type instead, on random weights.")
    private boolean kernels;

    @Mixin
    private DecoderBenchOptions tests;

    @Option(names = "--prompt", paramLabel = "N", defaultValue = "64", description = "Decode: tokens that a sequence has before the first step. Default: ${DEFAULT-VALUE}.")
    private int prompt;

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute. Default: one per processor.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--repetitions", paramLabel = "N", defaultValue = "3", description = "How often each test is timed, after a warm-up. Default: ${DEFAULT-VALUE}.")
    private int repetitions;

    @Option(names = "--kv-type", paramLabel = "TYPE", defaultValue = "f16", description = "How the KV cache stores values: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private KvType kvType;

    @Option(names = "--json", description = "Write one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        Numbers.requirePositive("--threads", threads);
        Numbers.requirePositive("--repetitions", repetitions);
        PrintWriter out = spec.commandLine().getOut();
        if (kernels) {
            for (String option : NEEDS_MODEL) {
                if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
                    throw new InvalidInput(option + ": has no meaning with --kernels, which needs no model");
                }
            }
            KernelReport report = measureKernels();
            out.println(json ? Json.line(report) : report.table());
        } else if (model == null) {
            throw new InvalidInput("--model: missing; give a model, or --kernels to measure without one");
        } else {
            BenchReport report = measureDecoder(model);
            out.println(json ? Json.line(report) : report.table());
        }
        return 0;
    }

    private KernelReport measureKernels() {
        KernelBench bench = new KernelBench(threads, repetitions);
        try (Progress progress = Progress.start("products", bench.tests())) {
            return bench.run(progress::advance);
        }
    }

    private BenchReport measureDecoder(Path path) {
        Numbers.requirePositive("--prompt", prompt);
        BenchPlan plan = tests.plan(prompt, repetitions);
        try (LlamaWeights weights = LlamaWeights.open(path); PackedWeights packed = PackedWeights.inMemory(weights)) {
            weights.warnings()
                    .forEach(warning -> spec.commandLine().getErr().println("millrace: " + path + ": " + warning));
            DecoderBenchOptions.requireRoom(plan, weights.config(), kvType);
            try (Progress progress = Progress.start("tokens", plan.tokens());
                    DecoderBench bench = new DecoderBench(weights, packed, plan, kvType, threads, progress::advance)) {
                return bench.run();
            }
        }
    }
}
