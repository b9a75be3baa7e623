package io.millrace.job.cli;

import io.millrace.job.bench.BenchPlan;
import io.millrace.job.bench.BenchReport;
import io.millrace.job.bench.DecoderBench;
import io.millrace.job.bench.KernelBench;
import io.millrace.job.bench.KernelReport;
import io.millrace.job.bench.load.EndToEndBench;
import io.millrace.job.bench.load.EndToEndReport;
import io.millrace.job.bench.load.Workload;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code millrace bench}: how fast the decoder, its kernels, or the whole job are on this machine. */
@Command(name = "bench", mixinStandardHelpOptions = true, description = {
        "Measure the decoder alone, without Kafka and Flink: prefill, decode, and decode of many sequences together. Or, "
                + "with --kernels, the matrix products of each weight type, without a model.",
        "Beside the rate it gives the weights and KV cache read per second (GB/s), the operations (GFLOP/s), and what "
                + "share that is of what this machine can do, measured in the same run: reading the weights, or f32 "
                + "multiply-adds, whichever bounds the test.",
        "With --end-to-end: conversations through a Kafka broker and the job, both in this process, and the same on the "
                + "engine alone."}, footer = {
                        "", "Examples:", "  millrace bench --model model.gguf",
                        "  millrace bench --model model.gguf --batch 1,8 --threads 2 --json",
                        "  millrace bench --model model.gguf --batch 1 --depth 0,8192 --kv-type f32",
                        "  millrace bench --kernels",
                        "  millrace bench --model model.gguf --end-to-end --conversations 1 --turns 10 --compare-resend"})
final class BenchCommand implements Callable<Integer> {
    private static final List<String> OF_END_TO_END = List.of("--conversations", "--turns", "--tokens",
            "--compare-resend", "--compare-shards", "--micro-batches");
    private static final List<String> OF_DECODER = List.of("--pp", "--tg", "--batch", "--depth");
    private static final List<String> OF_MODEL = List.of("--model", "--prompt", "--kv-type",
            WeightsCacheOption.NAME);

    @Spec
    private CommandSpec spec;

    @Option(names = {"-m",
            "--model"}, paramLabel = "PATH", description = "A GGUF file, the first file of a split GGUF, or a Hugging Face directory. Required, but not with --kernels.")
    private @Nullable Path model;

    @Option(names = "--kernels", description = "Measure the matrix products of each weight type instead, on random weights.")
    private boolean kernels;

    @Option(names = "--end-to-end", description = "Measure conversations through Kafka and the job instead, against the same on the engine alone.")
    private boolean endToEnd;

    @Mixin
    private DecoderBenchOptions tests;

    @Mixin
    private WeightsCacheOption cache;

    @Mixin
    private EndToEndOptions conversations;

    @Option(names = "--prompt", paramLabel = "N", defaultValue = "64", description = "Decode: tokens that a sequence has before the first step. End to end: of each user message. Default: ${DEFAULT-VALUE}.")
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
    public Integer call() throws IOException, InterruptedException {
        Numbers.requirePositive("--threads", threads);
        Numbers.requirePositive("--repetitions", repetitions);
        Numbers.requirePositive("--prompt", prompt);
        if (kernels) {
            List.of(List.of("--end-to-end"), OF_MODEL, OF_DECODER, OF_END_TO_END)
                    .forEach(options -> refuse("has no meaning with --kernels", options));
            KernelReport report = measureKernels();
            print(report, report.table());
        } else if (model == null) {
            throw new ParameterException(spec.commandLine(),
                    "Missing required option: '--model=PATH' (only --kernels measures without a model)");
        } else if (endToEnd) {
            refuse("has no meaning with --end-to-end", OF_DECODER);
            EndToEndReport report = measureEndToEnd(model);
            print(report, report.table());
        } else {
            refuse("has a meaning only with --end-to-end", OF_END_TO_END);
            BenchReport report = measureDecoder(model);
            print(report, report.table());
        }
        return 0;
    }

    private void refuse(String why, List<String> options) {
        for (String option : options) {
            if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
                throw new InvalidInput(option + ": " + why);
            }
        }
    }

    private void print(Object report, String table) {
        spec.commandLine().getOut().println(json ? Json.line(report) : table);
    }

    private KernelReport measureKernels() {
        KernelBench bench = new KernelBench(threads, repetitions);
        try (Progress progress = Progress.start("products", bench.tests())) {
            return bench.run(progress::advance);
        }
    }

    private BenchReport measureDecoder(Path path) {
        BenchPlan plan = tests.plan(prompt, repetitions);
        try (LlamaWeights weights = LlamaWeights.open(path)) {
            DecoderBenchOptions.requireRoom(plan, weights.config(), kvType);
            return measureDecoder(path, weights, plan);
        }
    }

    private BenchReport measureDecoder(Path path, LlamaWeights weights, BenchPlan plan) {
        warn(path, weights);
        try (PackedWeights packed = pack(packing -> PackedWeights.open(weights, packing));
                Progress progress = Progress.start("tokens", plan.tokens());
                DecoderBench bench = new DecoderBench(weights, packed, plan, kvType, threads, progress::advance)) {
            return bench.run();
        }
    }

    private EndToEndReport measureEndToEnd(Path path) throws IOException, InterruptedException {
        Workload work = conversations.workload(prompt);
        EndToEndBench.Setup setup = new EndToEndBench.Setup(threads, kvType, cache.setting(), repetitions,
                conversations.comparisons());
        try (Interruption _ = Interruption.ofThisThread();
                TemporaryDirectory directory = TemporaryDirectory.create("millrace-bench");
                LlamaModel opened = pack(packing -> LlamaModel.open(path, packing))) {
            warn(path, opened.weights());
            EndToEndOptions.requireRoom(work, opened.weights().config(), kvType);
            try (Progress progress = Progress.start("tokens", setup.tokens(work))) {
                return new EndToEndBench(path, opened, work, setup, directory.path(), progress::advance).run();
            }
        }
    }

    private <T> T pack(Function<PackingOptions, T> work) {
        return LoadingProgress.during(cache.directory(), threads, spec.commandLine().getErr(), work);
    }

    private void warn(Path path, LlamaWeights weights) {
        weights.warnings()
                .forEach(warning -> spec.commandLine().getErr().println("millrace: " + path + ": " + warning));
    }
}
