package io.millrace.runtime.model;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.weights.LayerWeights;
import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The Llama 3.x decoder: one forward pass over the rows of a {@link Batch}, which writes their keys and values to the cache
 * and computes the logits that were asked for. What a row gives depends on its sequence's tokens only, never on the other
 * rows, on how a prompt was cut into batches, or on the number of threads: the same bits in every case.
 *
 * <p>
 * All buffers are allocated once, for the largest batch; a pass allocates nothing. One thread at a time uses a decoder. It
 * owns none of its parts: weights, pools and kernels are the caller's and must outlive it.
 */
public final class Decoder {
    /** Outputs of a matrix per task; a multiple of what a kernel may want to compute together. */
    private static final int OUTPUTS_PER_TASK = 64;
    /** Rows per task where rows are independent and cheap. */
    private static final int ROWS_PER_TASK = 8;

    private final LlamaConfig config;
    private final Kernels kernels;
    private final WorkerPool workers;
    private final KvBlockPool pool;
    private final int maxRows;
    private final int maxLogitRows;

    private final Tensor embedding;
    private final Tensor output;
    private final List<LayerWeights> layers;
    private final float[][] attnNorms;
    private final float[][] ffnNorms;
    private final float[] outputNorm;
    private final Rotary rotary;
    private final KvAccess kv;
    private final Attention attention;

    private final int hiddenStride;
    private final int queryStride;
    private final int kvStride;
    private final int ffnStride;
    private final float queryScale;

    /** The residual stream, {@code [row][hidden]}, like all that follow with its stride. */
    private final float[] x;
    /** What a block adds to the residual stream, or its normed copy. */
    private final float[] normed;
    private final float[] delta;
    private final float[] queries;
    private final float[] rotated;
    private final float[] keys;
    private final float[] values;
    private final float[] attended;
    private final float[] gate;
    private final float[] up;
    private final float[] logits;
    private final float[][] scratch;
    private final float[][] rotatedKey;

    private final WorkerPool.Task embed = this::embed;
    private final WorkerPool.Task normForAttention = this::normForAttention;
    private final WorkerPool.Task normForFfn = this::normForFfn;
    private final WorkerPool.Task project = this::project;
    private final WorkerPool.Task store = this::store;
    private final WorkerPool.Task attend = this::attend;
    private final WorkerPool.Task addAttention = this::addAttention;
    private final WorkerPool.Task expand = this::expand;
    private final WorkerPool.Task addFfn = this::addFfn;
    private final WorkerPool.Task normForOutput = this::normForOutput;
    private final WorkerPool.Task classify = this::classify;

    /** The pass that runs; its tasks read them. */
    private Batch batch = new Batch(0, 0);
    private int rows;
    private int layer;

    /**
     * Allocates the buffers.
     *
     * @param maxRows rows of the largest batch
     * @param maxLogitRows rows of logits of the largest batch; each takes a float per vocabulary entry
     * @throws IllegalArgumentException when the pool's layout is not this model's or the logits do not fit an array
     */
    public Decoder(LlamaWeights weights, Kernels kernels, WorkerPool workers, KvBlockPool pool, int maxRows,
            int maxLogitRows) {
        config = weights.config();
        KvLayout layout = pool.layout();
        if (!layout.equals(KvLayout.of(config, layout.type()))) {
            throw new IllegalArgumentException("KV pool of " + layout + " does not fit the model, " + config);
        }
        if ((long) maxLogitRows * config.vocabSize() > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(maxLogitRows + " rows of " + config.vocabSize()
                    + " logits are more than an array holds; ask for fewer rows of logits");
        }
        this.kernels = kernels;
        this.workers = workers;
        this.pool = pool;
        this.maxRows = maxRows;
        this.maxLogitRows = maxLogitRows;
        embedding = weights.embedding();
        output = weights.output();
        layers = List.copyOf(weights.layers());
        attnNorms = new float[layers.size()][];
        ffnNorms = new float[layers.size()][];
        for (int i = 0; i < layers.size(); i++) {
            attnNorms[i] = vector(layers.get(i).attnNorm());
            ffnNorms[i] = vector(layers.get(i).ffnNorm());
        }
        outputNorm = vector(weights.outputNorm());
        rotary = new Rotary(config, weights.ropeDivisors(), weights.rotaryLayout(), maxRows);
        kv = new KvAccess(layout, kernels);
        attention = new Attention(config, kernels, pool, kv, workers.threads(), maxRows);

        hiddenStride = Kernels.padded(config.hidden());
        queryStride = Kernels.padded(config.queryWidth());
        kvStride = Kernels.padded(config.kvWidth());
        ffnStride = Kernels.padded(config.ffn());
        queryScale = (float) (1 / Math.sqrt(config.headDim()));
        x = new float[maxRows * hiddenStride];
        normed = new float[maxRows * hiddenStride];
        delta = new float[maxRows * hiddenStride];
        queries = new float[maxRows * queryStride];
        rotated = new float[maxRows * queryStride];
        keys = new float[maxRows * kvStride];
        values = new float[maxRows * kvStride];
        attended = new float[maxRows * queryStride];
        gate = new float[maxRows * ffnStride];
        up = new float[maxRows * ffnStride];
        logits = new float[maxLogitRows * config.vocabSize()];
        scratch = new float[workers.threads()][Kernels.MULTIPLY_SCRATCH];
        rotatedKey = new float[workers.threads()][config.headDim()];
    }

    /**
     * Computes a batch: its keys and values are in the cache and its logits in {@link #logits()} afterwards.
     *
     * @throws IllegalArgumentException when a row's token or position is not one of the model, its block table has no room
     *         for the position, or rows of a sequence do not follow each other; nothing was computed then
     */
    public void forward(Batch batch) {
        check(batch);
        this.batch = batch;
        rows = batch.rows();
        if (rows == 0) {
            return;
        }
        attention.plan(batch);
        int rowTasks = tasks(rows, ROWS_PER_TASK);
        workers.run(rowTasks, embed);
        int hiddenTasks = tasks(config.hidden(), OUTPUTS_PER_TASK);
        int projections = tasks(config.queryWidth(), OUTPUTS_PER_TASK) + 2 * tasks(config.kvWidth(), OUTPUTS_PER_TASK);
        for (layer = 0; layer < layers.size(); layer++) {
            workers.run(rowTasks, normForAttention);
            workers.run(projections, project);
            workers.run(rowTasks, store);
            workers.run(attention.tasks(), attend);
            workers.run(hiddenTasks, addAttention);
            workers.run(rowTasks, normForFfn);
            workers.run(tasks(config.ffn(), OUTPUTS_PER_TASK), expand);
            workers.run(hiddenTasks, addFfn);
        }
        if (batch.logitRows() > 0) {
            workers.run(tasks(batch.logitRows(), ROWS_PER_TASK), normForOutput);
            workers.run(tasks(config.vocabSize(), OUTPUTS_PER_TASK), classify);
        }
    }

    /**
     * The logits of the last pass, {@code vocabSize} values per row of logits, the first row at 0: row {@code i} begins at
     * {@code i * vocabSize}. The array is the decoder's own, overwritten by the next pass; until then the caller may change it.
     */
    public float[] logits() {
        return logits;
    }

    /** Where in {@link #logits()} a row of logits begins. */
    public int logitsOffset(int logitRow) {
        return logitRow * config.vocabSize();
    }

    private void check(Batch batch) {
        if (batch.rows() > maxRows || batch.logitRows() > maxLogitRows) {
            throw new IllegalArgumentException("batch of " + batch.rows() + " rows, " + batch.logitRows()
                    + " with logits; the decoder was made for " + maxRows + " and " + maxLogitRows);
        }
        for (int row = 0; row < batch.rows(); row++) {
            int token = batch.token(row);
            int position = batch.position(row);
            if (token < 0 || token >= config.vocabSize()) {
                throw new IllegalArgumentException(
                        "row " + row + ": token " + token + " is not in the vocabulary of " + config.vocabSize());
            }
            if (position < 0 || position >= config.contextLength()) {
                throw new IllegalArgumentException("row " + row + ": position " + position
                        + " is not in the model's context of " + config.contextLength());
            }
            if (position >= batch.blocks(row).positions()) {
                throw new IllegalArgumentException("row " + row + ": position " + position
                        + " is not in its block table of " + batch.blocks(row).positions() + " positions");
            }
            if (row > 0 && batch.blocks(row) == batch.blocks(row - 1) && position != batch.position(row - 1) + 1) {
                throw new IllegalArgumentException("row " + row + ": position " + position + " after "
                        + batch.position(row - 1) + " of the same sequence");
            }
        }
    }

    private void embed(int task, int worker) {
        for (int row = task * ROWS_PER_TASK; row < end(task, ROWS_PER_TASK, rows); row++) {
            kernels.dequantize(embedding, batch.token(row), 0, config.hidden(), x, row * hiddenStride);
            rotary.position(row, batch.position(row));
        }
    }

    private void normForAttention(int task, int worker) {
        norm(task, attnNorms[layer]);
    }

    private void normForFfn(int task, int worker) {
        norm(task, ffnNorms[layer]);
    }

    private void norm(int task, float[] weight) {
        for (int row = task * ROWS_PER_TASK; row < end(task, ROWS_PER_TASK, rows); row++) {
            kernels.rmsNorm(x, row * hiddenStride, config.hidden(), weight, config.rmsEps(), normed,
                    row * hiddenStride);
        }
    }

    private void project(int task, int worker) {
        LayerWeights weights = layers.get(layer);
        int queryTasks = tasks(config.queryWidth(), OUTPUTS_PER_TASK);
        int kvTasks = tasks(config.kvWidth(), OUTPUTS_PER_TASK);
        if (task < queryTasks) {
            multiply(weights.query(), task, worker, normed, hiddenStride, queries, queryStride);
        } else if (task < queryTasks + kvTasks) {
            multiply(weights.key(), task - queryTasks, worker, normed, hiddenStride, keys, kvStride);
        } else {
            multiply(weights.value(), task - queryTasks - kvTasks, worker, normed, hiddenStride, values, kvStride);
        }
    }

    private void store(int task, int worker) {
        int headDim = config.headDim();
        for (int row = task * ROWS_PER_TASK; row < end(task, ROWS_PER_TASK, rows); row++) {
            for (int head = 0; head < config.heads(); head++) {
                int at = row * queryStride + head * headDim;
                rotary.rotate(row, queries, at, queryScale, rotated, at);
            }
            int position = batch.position(row);
            MemorySegment block = pool.block(batch.blocks(row).get(position / BLOCK_POSITIONS));
            int inBlock = position % BLOCK_POSITIONS;
            for (int head = 0; head < config.kvHeads(); head++) {
                int at = row * kvStride + head * headDim;
                rotary.rotate(row, keys, at, 1, rotatedKey[worker], 0);
                kv.storeKey(block, layer, head, inBlock, rotatedKey[worker], 0);
                kv.storeValue(block, layer, head, inBlock, values, at);
            }
        }
    }

    private void attend(int task, int worker) {
        attention.run(task, worker, batch, layer, rotated, queryStride, attended, queryStride);
    }

    private void addAttention(int task, int worker) {
        addProduct(layers.get(layer).attnOutput(), task, worker, attended, queryStride);
    }

    private void expand(int task, int worker) {
        multiply(layers.get(layer).gate(), task, worker, normed, hiddenStride, gate, ffnStride);
        multiply(layers.get(layer).up(), task, worker, normed, hiddenStride, up, ffnStride);
        int first = task * OUTPUTS_PER_TASK;
        int width = end(task, OUTPUTS_PER_TASK, config.ffn()) - first;
        for (int row = 0; row < rows; row++) {
            kernels.swiGlu(gate, row * ffnStride + first, up, row * ffnStride + first, width);
        }
    }

    private void addFfn(int task, int worker) {
        addProduct(layers.get(layer).down(), task, worker, gate, ffnStride);
    }

    private void addProduct(Tensor weights, int task, int worker, float[] input, int stride) {
        multiply(weights, task, worker, input, stride, delta, hiddenStride);
        int first = task * OUTPUTS_PER_TASK;
        int width = end(task, OUTPUTS_PER_TASK, config.hidden()) - first;
        for (int row = 0; row < rows; row++) {
            kernels.add(x, row * hiddenStride + first, delta, row * hiddenStride + first, width);
        }
    }

    private void normForOutput(int task, int worker) {
        for (int i = task * ROWS_PER_TASK; i < end(task, ROWS_PER_TASK, batch.logitRows()); i++) {
            kernels.rmsNorm(x, batch.rowOfLogits(i) * hiddenStride, config.hidden(), outputNorm, config.rmsEps(),
                    normed,
                    i * hiddenStride);
        }
    }

    private void classify(int task, int worker) {
        int first = task * OUTPUTS_PER_TASK;
        kernels.multiply(output, first, end(task, OUTPUTS_PER_TASK, output.rows()) - first, normed, hiddenStride,
                batch.logitRows(), logits, config.vocabSize(), scratch[worker]);
    }

    /** The task's outputs of a matrix, for all rows. */
    private void multiply(Tensor weights, int task, int worker, float[] input, int inputStride, float[] out,
            int outStride) {
        int first = task * OUTPUTS_PER_TASK;
        kernels.multiply(weights, first, end(task, OUTPUTS_PER_TASK, weights.rows()) - first, input, inputStride, rows,
                out, outStride, scratch[worker]);
    }

    private float[] vector(Tensor tensor) {
        float[] values = new float[Kernels.padded(tensor.cols())];
        kernels.dequantize(tensor, 0, 0, tensor.cols(), values, 0);
        return values;
    }

    private static int tasks(int count, int perTask) {
        return (count + perTask - 1) / perTask;
    }

    private static int end(int task, int perTask, int count) {
        return Math.min(count, (task + 1) * perTask);
    }
}
