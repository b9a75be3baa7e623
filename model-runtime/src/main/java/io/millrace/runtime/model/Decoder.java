package io.millrace.runtime.model;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kernels.Activations;
import io.millrace.runtime.kernels.KernelScratch;
import io.millrace.runtime.kernels.Kernels;
import io.millrace.runtime.kernels.Projection;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerWeights;
import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The Llama 3.x decoder: one forward pass over the rows of a {@link Batch}, which writes their keys and values to the cache
 * and computes the logits that were asked for. What a row gives depends on its sequence's tokens only, never on the other
 * rows, on how a prompt was cut into batches, or on the number of threads: the same bits in every case.
 *
 * <p>
 * It computes the layers that its weights hold. Those of a shard are a part of the pass: only the shard with the first layer
 * takes tokens, each later one takes the residual stream that the one before it gave, and only the shard with the last layer
 * computes logits. All shards are given the same rows in the same order; together they compute the bits of the whole.
 *
 * <p>
 * Buffers are allocated once, for the largest batch, but for rows of logits, which take much memory and are allocated when a
 * batch first asks for so many; other passes allocate nothing. One thread at a time uses a decoder. It owns none of its
 * parts: weights, pools and kernels are the caller's and must outlive it.
 */
public final class Decoder {
    /** Rows per task where rows are independent and cheap. */
    private static final int ROWS_PER_TASK = 8;
    private static final float[] NO_INPUT = {};

    private final LlamaConfig config;
    private final Kernels kernels;
    private final WorkerPool workers;
    private final KvBlockPool pool;
    private final int maxRows;

    private final LayerRange range;
    private final Layer[] layers;
    /** Null in every shard but the last. */
    private final @Nullable Classifier classifier;
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
    /** Its normed copy. */
    private final Activations normed;
    private final float[] queries;
    private final float[] keys;
    private final float[] values;
    private final Activations attended;
    private final Activations gate;
    /** By row of logits; null until a batch wanted so many. */
    private final float[][] logits;
    /** By worker: what a task computes and only that task reads, {@code [row][}{@link Projection#OUTPUTS}{@code ]}. */
    private final float[][] part;
    private final KernelScratch[] scratch;
    private final float[][] rotatedHead;

    /** Sets the residual stream up: the embeddings of tokens, or what another shard computed. */
    private final WorkerPool.Task begin;
    private final WorkerPool.Task normForAttention = this::normForAttention;
    private final WorkerPool.Task normForFfn = this::normForFfn;
    private final WorkerPool.Task project = this::project;
    private final WorkerPool.Task store = this::store;
    private final WorkerPool.Task attend = this::attend;
    private final WorkerPool.Task roundAttended = this::roundAttended;
    private final WorkerPool.Task addAttention = this::addAttention;
    private final WorkerPool.Task expand = this::expand;
    private final WorkerPool.Task addFfn = this::addFfn;

    private record Layer(float[] attnNorm, Projection query, Projection key, Projection value, Projection attnOutput,
            float[] ffnNorm, Projection gate, Projection up, Projection down) {}

    /** The pass that runs; its tasks read them. */
    private Batch batch = new Batch(0, 0);
    /** The residual stream of the shard before, dense. */
    private float[] input = NO_INPUT;
    private int rows;
    private int layer;

    /**
     * Allocates the buffers.
     *
     * @param packed the same model's
     * @param maxRows rows of the largest batch
     * @param maxLogitRows rows of logits of the largest batch; each takes a float per vocabulary entry. Without the last layer
     *        there are none, whatever a batch asks for
     * @throws IllegalArgumentException when the pool's layout is not that of the layers that the weights hold
     */
    public Decoder(LlamaWeights weights, PackedWeights packed, Kernels kernels, WorkerPool workers, KvBlockPool pool,
            int maxRows, int maxLogitRows) {
        config = weights.config();
        range = weights.range();
        KvLayout layout = pool.layout();
        if (!layout.equals(KvLayout.of(config, range, layout.type()))) {
            throw new IllegalArgumentException(
                    "KV pool of " + layout + " does not fit layers " + range + " of the model, " + config);
        }
        this.kernels = kernels;
        this.workers = workers;
        this.pool = pool;
        this.maxRows = maxRows;
        begin = range.embeds() ? embedding(weights.embedding()) : this::receive;
        layers = weights.layers().stream().map(layer -> layer(layer, packed)).toArray(Layer[]::new);
        classifier = range.classifies(config)
                ? new Classifier(vector(weights.outputNorm()), projection(weights.output(), packed))
                : null;
        rotary = new Rotary(config, weights.ropeDivisors(), weights.rotaryLayout(), maxRows);
        kv = new KvAccess(layout, kernels);
        attention = new Attention(config, kernels, pool, kv, workers.threads(), maxRows);

        hiddenStride = Kernels.padded(config.hidden()) + Kernels.LANES;
        attended = activations(config.queryWidth(), Arrays.stream(layers).map(Layer::attnOutput));
        queryStride = attended.stride();
        kvStride = Kernels.padded(config.kvWidth());
        gate = activations(config.ffn(), Arrays.stream(layers).map(Layer::down));
        ffnStride = gate.stride();
        queryScale = (float) (1 / Math.sqrt(config.headDim()));
        x = new float[maxRows * hiddenStride];
        normed = activations(config.hidden(), Stream.concat(
                Arrays.stream(layers).flatMap(
                        layer -> Stream.of(layer.query(), layer.key(), layer.value(), layer.gate(), layer.up())),
                Stream.ofNullable(classifier).map(last -> last.output)));
        queries = new float[maxRows * queryStride];
        keys = new float[maxRows * kvStride];
        values = new float[maxRows * kvStride];
        logits = new float[maxLogitRows][];
        part = new float[workers.threads()][maxRows * Projection.OUTPUTS];
        scratch = Stream.generate(KernelScratch::new).limit(workers.threads()).toArray(KernelScratch[]::new);
        rotatedHead = new float[workers.threads()][config.headDim()];
    }

    private Activations activations(int width, Stream<Projection> readers) {
        return new Activations(maxRows, width, readers.flatMap(reader -> reader.layout().stream()).toList());
    }

    /**
     * Computes a batch of tokens: its keys and values are in the cache, and its logits in {@link #logits}, or what the next
     * shard takes in {@link #hidden}, afterwards.
     *
     * @throws IllegalArgumentException when a row's token or position is not one of the model, its block table has no room
     *         for the position, or rows of a sequence do not follow each other; nothing was computed then
     * @throws IllegalStateException when the first layer is not here
     */
    public void forward(Batch batch) {
        if (!range.embeds()) {
            throw new IllegalStateException("layers " + range + " take what the shard before them gives, not tokens");
        }
        run(batch, NO_INPUT);
    }

    /**
     * Computes a batch whose first layers another shard has computed. Tokens of its rows are not looked at.
     *
     * @param hidden what {@link #hidden} of the shard before gave for this batch; only read, and only during the call
     * @throws IllegalArgumentException as {@link #forward(Batch)}, or when {@code hidden} is of fewer rows
     * @throws IllegalStateException when the first layer is here
     */
    public void forward(Batch batch, float[] hidden) {
        if (range.embeds()) {
            throw new IllegalStateException("layers " + range + " take tokens, not what a shard gives");
        }
        if (hidden.length < batch.rows() * config.hidden()) {
            throw new IllegalArgumentException(
                    hidden.length + " hidden values for " + batch.rows() + " rows of " + config.hidden());
        }
        run(batch, hidden);
    }

    private void run(Batch batch, float[] hidden) {
        check(batch);
        this.batch = batch;
        input = hidden;
        rows = batch.rows();
        if (rows == 0) {
            return;
        }
        attention.plan(batch);
        workers.run(tasks(rows, ROWS_PER_TASK), begin);
        for (layer = 0; layer < layers.length; layer++) {
            workers.run(tasks(rows, ROWS_PER_TASK), normForAttention);
            Layer weights = layers[layer];
            workers.run(weights.query().tasks() + weights.key().tasks() + weights.value().tasks(), project);
            workers.run(tasks(rows, ROWS_PER_TASK), store);
            if (classifier != null && layer == layers.length - 1) {
                if (batch.logitRows() == 0) {
                    return;
                }
                workers.run(attention.tasks(), attend);
                keepLogitRows();
            } else {
                workers.run(attention.tasks(), attend);
            }
            if (attended.rounds()) {
                workers.run(tasks(rows, ROWS_PER_TASK), roundAttended);
            }
            workers.run(weights.attnOutput().tasks(), addAttention);
            workers.run(tasks(rows, ROWS_PER_TASK), normForFfn);
            workers.run(weights.gate().tasks(), expand);
            workers.run(weights.down().tasks(), addFfn);
        }
        if (classifier != null) {
            classifier.run();
        }
    }

    /** Behind the last attention only rows that want logits matter: they move to the front. */
    private void keepLogitRows() {
        rows = batch.logitRows();
        for (int i = 0; i < rows; i++) {
            int row = batch.rowOfLogits(i);
            System.arraycopy(x, row * hiddenStride, x, i * hiddenStride, config.hidden());
            System.arraycopy(attended.values(), row * queryStride, attended.values(), i * queryStride,
                    config.queryWidth());
        }
    }

    /**
     * A row of logits of the last pass, {@code vocabSize} values. The array is the decoder's own, overwritten by the next pass;
     * until then the caller may change it.
     */
    public float[] logits(int logitRow) {
        return logits[logitRow];
    }

    /**
     * Copies the residual stream of the last pass: what {@link #forward(Batch, float[])} of the next shard takes.
     *
     * @param target {@code [row][hidden]} of the pass's rows afterwards
     * @throws IllegalStateException when the last layer is here, behind which there is no shard
     */
    public void hidden(float[] target) {
        if (classifier != null) {
            throw new IllegalStateException("layers " + range + " are the model's last; they give logits");
        }
        for (int row = 0; row < rows; row++) {
            System.arraycopy(x, row * hiddenStride, target, row * config.hidden(), config.hidden());
        }
    }

    private void check(Batch batch) {
        if (batch.rows() > maxRows || (classifier != null && batch.logitRows() > logits.length)) {
            throw new IllegalArgumentException("batch of " + batch.rows() + " rows, " + batch.logitRows()
                    + " with logits; the decoder was made for " + maxRows + " and " + logits.length);
        }
        for (int row = 0; row < batch.rows(); row++) {
            int token = batch.token(row);
            int position = batch.position(row);
            if (range.embeds() && (token < 0 || token >= config.vocabSize())) {
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

    private WorkerPool.Task embedding(Tensor embedding) {
        return (task, _) -> {
            for (int row = task * ROWS_PER_TASK; row < end(task, ROWS_PER_TASK, rows); row++) {
                kernels.dequantize(embedding, batch.token(row), 0, config.hidden(), x, row * hiddenStride);
                rotary.position(row, batch.position(row));
            }
        };
    }

    private void receive(int task, int worker) {
        for (int row = task * ROWS_PER_TASK; row < end(task, ROWS_PER_TASK, rows); row++) {
            System.arraycopy(input, row * config.hidden(), x, row * hiddenStride, config.hidden());
            rotary.position(row, batch.position(row));
        }
    }

    private void normForAttention(int task, int worker) {
        norm(task, worker, layers[layer].attnNorm());
    }

    private void normForFfn(int task, int worker) {
        norm(task, worker, layers[layer].ffnNorm());
    }

    private void norm(int task, int worker, float[] weight) {
        for (int row = task * ROWS_PER_TASK; row < end(task, ROWS_PER_TASK, rows); row++) {
            kernels.rmsNorm(x, row * hiddenStride, config.hidden(), weight, config.rmsEps(), normed.values(),
                    row * normed.stride());
            round(normed, row, 0, config.hidden(), worker);
        }
    }

    private void round(Activations activations, int row, int from, int count, int worker) {
        if (activations.rounds()) {
            kernels.round(activations, row, from, count, scratch[worker]);
        }
    }

    private void project(int task, int worker) {
        Layer weights = layers[layer];
        int keyTasks = task - weights.query().tasks();
        int valueTasks = keyTasks - weights.key().tasks();
        if (keyTasks < 0) {
            weights.query().run(task, normed, rows, queries, Projection.first(task), queryStride, scratch[worker]);
        } else if (valueTasks < 0) {
            weights.key().run(keyTasks, normed, rows, keys, Projection.first(keyTasks), kvStride, scratch[worker]);
        } else {
            weights.value().run(valueTasks, normed, rows, values, Projection.first(valueTasks), kvStride,
                    scratch[worker]);
        }
    }

    private void store(int task, int worker) {
        int headDim = config.headDim();
        float[] rotated = rotatedHead[worker];
        for (int row = task * ROWS_PER_TASK; row < end(task, ROWS_PER_TASK, rows); row++) {
            for (int head = 0; head < config.heads(); head++) {
                int at = row * queryStride + head * headDim;
                rotary.rotate(row, queries, at, queryScale, rotated, 0);
                System.arraycopy(rotated, 0, queries, at, headDim);
            }
            int position = batch.position(row);
            MemorySegment block = pool.block(batch.blocks(row).get(position / BLOCK_POSITIONS));
            int inBlock = position % BLOCK_POSITIONS;
            for (int head = 0; head < config.kvHeads(); head++) {
                int at = row * kvStride + head * headDim;
                rotary.rotate(row, keys, at, 1, rotated, 0);
                kv.storeKey(block, layer, head, inBlock, rotated, 0);
                kv.storeValue(block, layer, head, inBlock, values, at);
            }
        }
    }

    private void attend(int task, int worker) {
        attention.run(task, worker, batch, layer, queries, queryStride, attended.values(), queryStride);
    }

    private void roundAttended(int task, int worker) {
        for (int row = task * ROWS_PER_TASK; row < end(task, ROWS_PER_TASK, rows); row++) {
            round(attended, row, 0, config.queryWidth(), worker);
        }
    }

    private void addAttention(int task, int worker) {
        addProduct(layers[layer].attnOutput(), task, worker, attended);
    }

    private void expand(int task, int worker) {
        Layer weights = layers[layer];
        float[] up = part[worker];
        int first = Projection.first(task);
        weights.gate().run(task, normed, rows, gate.values(), first, ffnStride, scratch[worker]);
        weights.up().run(task, normed, rows, up, 0, Projection.OUTPUTS, scratch[worker]);
        int width = weights.gate().count(task);
        for (int row = 0; row < rows; row++) {
            kernels.swiGlu(gate.values(), row * ffnStride + first, up, row * Projection.OUTPUTS, width);
            round(gate, row, first, width, worker);
        }
    }

    private void addFfn(int task, int worker) {
        addProduct(layers[layer].down(), task, worker, gate);
    }

    private void addProduct(Projection weights, int task, int worker, Activations input) {
        float[] product = part[worker];
        weights.run(task, input, rows, product, 0, Projection.OUTPUTS, scratch[worker]);
        int first = Projection.first(task);
        for (int row = 0; row < rows; row++) {
            kernels.add(x, row * hiddenStride + first, product, row * Projection.OUTPUTS, weights.count(task));
        }
    }

    /** What comes behind the last layer: rows of logits, from as many rows of the residual stream. */
    private final class Classifier {
        private final float[] weight;
        private final Projection output;
        private final WorkerPool.Task norm;
        private final WorkerPool.Task classify;

        Classifier(float[] weight, Projection output) {
            this.weight = weight;
            this.output = output;
            norm = this::norm;
            classify = this::classify;
        }

        void run() {
            for (int i = 0; i < rows; i++) {
                if (logits[i] == null) {
                    logits[i] = new float[config.vocabSize()];
                }
            }
            workers.run(tasks(rows, ROWS_PER_TASK), norm);
            workers.run(output.tasks(), classify);
        }

        private void norm(int task, int worker) {
            Decoder.this.norm(task, worker, weight);
        }

        private void classify(int task, int worker) {
            float[] product = part[worker];
            output.run(task, normed, rows, product, 0, Projection.OUTPUTS, scratch[worker]);
            int first = Projection.first(task);
            for (int row = 0; row < rows; row++) {
                System.arraycopy(product, row * Projection.OUTPUTS, logits[row], first, output.count(task));
            }
        }
    }

    private Layer layer(LayerWeights weights, PackedWeights packed) {
        return new Layer(vector(weights.attnNorm()), projection(weights.query(), packed),
                projection(weights.key(), packed), projection(weights.value(), packed),
                projection(weights.attnOutput(), packed), vector(weights.ffnNorm()),
                projection(weights.gate(), packed), projection(weights.up(), packed),
                projection(weights.down(), packed));
    }

    private Projection projection(Tensor matrix, PackedWeights packed) {
        return new Projection(matrix, packed.of(matrix), kernels);
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
