package io.millrace.job.bench;

import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.KernelWarmUp;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LlamaWeights;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Times the forward passes of a decoder over random tokens that are the same each time. Prefill is one sequence in passes as
 * large as the engine's, with the logits of its last row; decode is one row per sequence and step, with logits. Nothing is
 * sampled. One thread uses it and closes it, before the weights.
 */
public final class DecoderBench implements AutoCloseable {
    /** Rows of the largest pass, as the engine has it by default. */
    public static final int MAX_ROWS = EngineOptions.defaults().maxNumBatchedTokens();

    private static final Duration KERNEL_WARM_UP = Duration.ofSeconds(1);
    private static final long SEED = 1;

    private final LlamaWeights weights;
    private final PackedWeights packed;
    private final BenchPlan plan;
    private final IntConsumer computed;
    private final ModelWork work;
    private final KvBlockPool pool;
    private final WorkerPool workers;
    private final Kernels kernels = KernelProvider.kernels();
    private final Decoder decoder;
    private final Batch batch;
    private final List<BlockTable> sequences = new ArrayList<>();
    private final int[] tokens;

    /**
     * Allocates buffers and KV cache and starts the threads.
     *
     * @param weights of a model whose context has room for the plan; not owned
     * @param packed of the same model; not owned
     * @param threads that compute, this one included
     * @param computed hears after each pass how many tokens it computed, {@link BenchPlan#tokens()} in all
     * @throws IllegalArgumentException when a batch has more than {@link #MAX_ROWS} sequences
     */
    public DecoderBench(LlamaWeights weights, PackedWeights packed, BenchPlan plan, KvType kvType, int threads,
            IntConsumer computed) {
        if (plan.sequences() > MAX_ROWS) {
            throw new IllegalArgumentException(
                    "batch of " + plan.sequences() + " sequences, a pass has at most " + MAX_ROWS + " rows");
        }
        this.weights = weights;
        this.packed = packed;
        this.plan = plan;
        this.computed = computed;
        KvLayout layout = KvLayout.of(weights.config(), kvType);
        work = ModelWork.of(weights, packed, layout);
        int rows = IntStream.of(plan.sequences(), plan.prefill(), plan.prompt(), plan.fill()).max().getAsInt();
        rows = Math.min(MAX_ROWS, rows);
        batch = new Batch(rows, plan.sequences());
        tokens = new Random(SEED).ints(Math.max(rows, plan.steps()), 0, weights.config().vocabSize()).toArray();
        pool = new KvBlockPool(layout, plan.kvBytes(layout));
        workers = new WorkerPool(threads);
        try {
            decoder = new Decoder(weights, packed, kernels, workers, pool, rows, plan.sequences());
            for (int i = 0; i < plan.sequences(); i++) {
                sequences.add(allocate(plan.blocks(i)));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Measures this machine's limits, warms up, then runs every test of the plan. */
    public BenchReport run() {
        // Before the kernels, which keep the compiler busy for seconds.
        @Nullable
        MachineLimits limits = MachineLimits.measure(kernels, ModelWork.data(weights, packed), workers);
        KernelWarmUp.run(kernels, weights, packed, KERNEL_WARM_UP);
        return new BenchReport(weights.name(), workers.threads(), pool.layout().type().name().toLowerCase(Locale.ROOT),
                limits, measure(limits));
    }

    /** Every test of the plan. */
    List<BenchResult> measure(@Nullable MachineLimits limits) {
        List<BenchResult> results = new ArrayList<>();
        computePrompt(0, plan.fill());
        for (int depth : plan.depths()) {
            fill(depth);
            results.add(prefill(depth, limits));
            computePrompts(depth);
            for (int size : plan.batches()) {
                results.add(decode(depth, size, limits));
            }
        }
        return List.copyOf(results);
    }

    @Override
    public void close() {
        workers.close();
        pool.close();
    }

    private BenchResult prefill(int depth, @Nullable MachineLimits limits) {
        computePrompt(depth, plan.prefill());
        double[] seconds = time(() -> computePrompt(depth, plan.prefill()));
        int passes = 0;
        long read = 0;
        for (int from = 0; from < plan.prefill(); from += MAX_ROWS) {
            passes++;
            read += depth + Math.min(plan.prefill(), from + MAX_ROWS);
        }
        return BenchResult.of("pp" + plan.prefill(), depth, 1, plan.prefill(), work.bytes(passes, 1, read),
                work.operations(plan.prefill(), 1, ModelWork.attended(depth, plan.prefill())), seconds, limits);
    }

    private BenchResult decode(int depth, int size, @Nullable MachineLimits limits) {
        computeSteps(depth, size, plan.warmUpSteps());
        double[] seconds = time(() -> computeSteps(depth, size, plan.steps()));
        long rows = (long) size * plan.steps();
        long attended = size * ModelWork.attended(depth + plan.prompt(), plan.steps());
        return BenchResult.of("tg" + plan.steps(), depth, size, rows, work.bytes(plan.steps(), plan.steps(), attended),
                work.operations(rows, rows, attended), seconds, limits);
    }

    private double[] time(Runnable test) {
        double[] seconds = new double[plan.repetitions()];
        for (int i = 0; i < seconds.length; i++) {
            long start = System.nanoTime();
            test.run();
            seconds[i] = (System.nanoTime() - start) / 1e9;
        }
        return seconds;
    }

    /**
     * Gives the first sequence {@code depth} positions: copies of the first computed ones, again and again. What they hold does
     * not matter for the time, and computing that many would take longer than all tests.
     */
    private void fill(int depth) {
        int source = KvLayout.blocksFor(plan.fill());
        BlockTable first = sequences.getFirst();
        for (int i = source; i < KvLayout.blocksFor(depth); i++) {
            copyBlock(first, i % source, first, i);
        }
    }

    /** Positions of the first sequence, from {@code depth} on. */
    private void computePrompt(int depth, int length) {
        for (int from = 0; from < length; from += MAX_ROWS) {
            int end = Math.min(length, from + MAX_ROWS);
            batch.clear();
            for (int position = from; position < end; position++) {
                batch.add(tokens[position - from], depth + position, sequences.getFirst(), position == length - 1);
            }
            forward();
        }
    }

    /**
     * Gives each sequence its prompt. It is the same, so it is computed once and copied: each sequence reads memory of its
     * own, as conversations do.
     */
    private void computePrompts(int depth) {
        computePrompt(depth, plan.prompt());
        for (BlockTable sequence : sequences.subList(1, sequences.size())) {
            for (int i = 0; i < KvLayout.blocksFor(depth + plan.prompt()); i++) {
                copyBlock(sequences.getFirst(), i, sequence, i);
            }
        }
    }

    private void copyBlock(BlockTable from, int index, BlockTable to, int target) {
        pool.block(to.get(target)).copyFrom(pool.block(from.get(index)));
    }

    /** The positions behind the prompt, of the first {@code size} sequences together. */
    private void computeSteps(int depth, int size, int steps) {
        for (int step = 0; step < steps; step++) {
            batch.clear();
            for (int i = 0; i < size; i++) {
                batch.add(tokens[(step + i) % tokens.length], depth + plan.prompt() + step, sequences.get(i), true);
            }
            forward();
        }
    }

    private void forward() {
        decoder.forward(batch);
        computed.accept(batch.rows());
    }

    private BlockTable allocate(int blocks) {
        BlockTable table = new BlockTable();
        for (int i = 0; i < blocks; i++) {
            table.append(pool.allocate());
        }
        return table;
    }
}
