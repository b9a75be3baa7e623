package io.millrace.training.network;

import io.millrace.runtime.kernels.WorkerPool;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The Llama decoder with its derivatives, in f32: what the runtime's decoder computes, over whole sequences. The output
 * matrix is the embedding; only tokens before learned ones pass through it.
 *
 * <p>
 * Everything but attention and the gradients of weights goes by blocks of tokens, each through as many steps as it can
 * alone, so that its rows stay in the second-level cache. Every sum has an order that depends on the batch only, not on the
 * number of threads: the same bits in every case.
 *
 * <p>
 * Buffers are allocated once, for the largest batch; passes allocate next to nothing. One thread at a time uses a network.
 * Parameters and workers are the caller's; the workers must outlive it.
 */
public final class Network {
    /** Tokens of a block; a multiple of a tile's rows. */
    private static final int BLOCK = 96;
    /** Columns of the embedding's gradient that a task adds to. */
    private static final int EMBEDDING_COLUMNS = 64;

    private final NetworkShape shape;
    private final int maxTokens;
    private final WorkerPool workers;
    private final Parameters parameters;

    private final Weights embedding;
    private final List<Layer> layers = new ArrayList<>();
    private final List<Weights> weights = new ArrayList<>();
    private final Rotary rotary;

    /** The residual stream behind the last layer. */
    private final Matrix last;
    /** A row for each prediction. */
    private final Matrix normed;
    private final float[] normScale;
    private final Matrix logits;

    /** Gradients of the layer at work, a row for each token. */
    private final Matrix dResidual;
    private final Matrix dMiddle;
    private final Matrix dAttended;
    private final Matrix dQueries;
    private final Matrix dKeys;
    private final Matrix dValues;
    private final Matrix dGate;
    private final Matrix dUp;
    /** By block of tokens: what its rows add to the gradients of the gains of two norms. */
    private final float[] dAttnGain;
    private final float[] dFfnGain;

    private final Scratch[] scratch;

    private TokenBatch batch = new TokenBatch(new int[]{0}, new int[]{0}, new boolean[1]);
    private int tokens;
    private final int[] positions;
    /** By prediction: the token it is made at; the one behind it is predicted. */
    private final int[] predictors;
    private int predictions;
    private float[] logProbabilities = {};
    private float[] lossWeights = {};
    private boolean ready;

    /** A decoder block. */
    private record Layer(Parameters.Layer parameters, Weights query, Weights key, Weights value, Weights attnOutput,
            Weights gate, Weights up, Weights down, Activations activations) {}

    /** What a worker needs for itself. */
    private record Scratch(float[] tile, Matrix dNormed, Attention attention, WeightGradient weightGradient) {}

    /**
     * Allocates the buffers.
     *
     * @param parameters read by the forward pass; the backward pass adds to their gradients
     * @param maxTokens tokens of the largest batch
     */
    public Network(Parameters parameters, int maxTokens, WorkerPool workers) {
        this.parameters = parameters;
        this.maxTokens = maxTokens;
        this.workers = workers;
        shape = parameters.shape();
        embedding = packed(parameters.embedding());
        for (Parameters.Layer layer : parameters.layers()) {
            layers.add(new Layer(layer, packed(layer.query()), packed(layer.key()), packed(layer.value()),
                    packed(layer.attnOutput()), packed(layer.gate()), packed(layer.up()), packed(layer.down()),
                    Activations.of(shape, maxTokens)));
        }
        rotary = new Rotary(shape, maxTokens);
        int hidden = shape.hidden();
        last = Matrix.of(maxTokens, hidden);
        normed = Matrix.of(maxTokens, hidden);
        normScale = new float[maxTokens];
        logits = Matrix.of(maxTokens, shape.vocabSize());
        dResidual = Matrix.of(maxTokens, hidden);
        dMiddle = Matrix.of(maxTokens, hidden);
        dAttended = Matrix.of(maxTokens, shape.queryWidth());
        dQueries = Matrix.of(maxTokens, shape.queryWidth());
        dKeys = Matrix.of(maxTokens, shape.kvWidth());
        dValues = Matrix.of(maxTokens, shape.kvWidth());
        dGate = Matrix.of(maxTokens, shape.ffn());
        dUp = Matrix.of(maxTokens, shape.ffn());
        dAttnGain = new float[blocks(maxTokens) * hidden];
        dFfnGain = new float[dAttnGain.length];
        positions = new int[maxTokens];
        predictors = new int[maxTokens];
        int widest = Math.max(shape.ffn(), Math.max(hidden, shape.queryWidth()));
        scratch = new Scratch[workers.threads()];
        for (int i = 0; i < scratch.length; i++) {
            scratch[i] = new Scratch(new float[Gemm.SCRATCH], Matrix.of(BLOCK, hidden),
                    new Attention(shape, maxTokens), new WeightGradient(widest));
        }
    }

    private Weights packed(Parameter parameter) {
        Weights matrix = Weights.of(parameter);
        weights.add(matrix);
        return matrix;
    }

    /**
     * Computes a batch.
     *
     * @return by token: the natural logarithm of its probability given those before it in its sequence, where it is learned;
     *         0 elsewhere. A new array
     * @throws IllegalArgumentException when the batch is larger than the network was made for, or a token is not in the
     *         vocabulary
     */
    public float[] forward(TokenBatch batch) {
        begin(batch);
        workers.run(weights.size(), (task, _) -> weights.get(task).packForward());
        workers.run(blocks(tokens), (task, worker) -> {
            embed(task);
            beforeAttention(layers.getFirst(), task, scratch[worker]);
        });
        for (int i = 0; i < layers.size(); i++) {
            int number = i;
            Layer layer = layers.get(i);
            runAttention((start, length, head, attention) -> attention.forward(layer.activations, start, length, head));
            workers.run(blocks(tokens), (task, worker) -> {
                Matrix output = number + 1 < layers.size() ? layers.get(number + 1).activations.input() : last;
                afterAttention(layer, output, task, scratch[worker]);
                if (number + 1 < layers.size()) {
                    beforeAttention(layers.get(number + 1), task, scratch[worker]);
                }
            });
        }
        logProbabilities = new float[tokens];
        workers.run(blocks(predictions), (task, worker) -> classify(task, scratch[worker]));
        ready = true;
        return logProbabilities.clone();
    }

    /**
     * Adds the gradients of {@code -sum(weights[i] * logProbability[i])}, of the last forward pass, to those of the
     * parameters. Once for each forward pass, with the same parameters.
     *
     * @param weights by token of the batch; those of tokens that are not learned are not looked at
     * @throws IllegalArgumentException when there are not as many weights as tokens
     * @throws IllegalStateException when no forward pass was made before
     */
    public void backward(float[] weights) {
        if (!ready) {
            throw new IllegalStateException("a backward pass needs a forward pass of its own before it");
        }
        if (weights.length != tokens) {
            throw new IllegalArgumentException(
                    "weights: " + weights.length + " for " + tokens + " tokens; give one for each");
        }
        ready = false;
        lossWeights = weights;
        workers.run(this.weights.size(), (task, _) -> this.weights.get(task).packBackward());
        workers.run(blocks(tokens), (task, _) -> Arrays.fill(dResidual.values(), dResidual.at(task * BLOCK),
                dResidual.at(end(task, tokens)), 0));
        workers.run(blocks(predictions), (task, worker) -> classifyBack(task, scratch[worker]));
        addGain(dFfnGain, blocks(predictions), parameters.outputNorm());
        addWeightGradients(predictions, new Product(embedding, logits, normed));
        for (Layer layer : layers.reversed()) {
            layerBack(layer);
        }
        workers.run((shape.hidden() + EMBEDDING_COLUMNS - 1) / EMBEDDING_COLUMNS, (task, _) -> embedBack(task));
    }

    private void layerBack(Layer layer) {
        Activations a = layer.activations;
        workers.run(blocks(tokens), (task, worker) -> afterAttentionBack(layer, task, scratch[worker]));
        runAttention((start, length, head, attention) -> {
            attention.backward(a, dAttended, dQueries, dKeys, dValues, start, length, head);
            rotary.turnBack(dQueries, dKeys, start, length, head);
        });
        addWeightGradients(tokens, new Product(layer.down, dResidual, a.expanded()),
                new Product(layer.gate, dGate, a.ffnNormed()), new Product(layer.up, dUp, a.ffnNormed()),
                new Product(layer.query, dQueries, a.attnNormed()),
                new Product(layer.attnOutput, dMiddle, a.attended()), new Product(layer.key, dKeys, a.attnNormed()),
                new Product(layer.value, dValues, a.attnNormed()));
        workers.run(blocks(tokens), (task, worker) -> beforeAttentionBack(layer, task, scratch[worker]));
        addGain(dFfnGain, blocks(tokens), layer.parameters.ffnNorm());
        addGain(dAttnGain, blocks(tokens), layer.parameters.attnNorm());
    }

    private void begin(TokenBatch batch) {
        if (batch.tokens().length > maxTokens) {
            throw new IllegalArgumentException("tokens: a batch of " + batch.tokens().length
                    + ", but the network was made for " + maxTokens);
        }
        for (int i = 0; i < batch.tokens().length; i++) {
            int token = batch.tokens()[i];
            if (token < 0 || token >= shape.vocabSize()) {
                throw new IllegalArgumentException("tokens: " + token + " at " + i + " is not in the vocabulary of "
                        + shape.vocabSize());
            }
        }
        this.batch = batch;
        tokens = batch.tokens().length;
        predictions = 0;
        for (int sequence = 0; sequence < batch.starts().length; sequence++) {
            int start = batch.starts()[sequence];
            for (int i = start; i < batch.end(sequence); i++) {
                positions[i] = i - start;
                if (i > start && batch.learned()[i]) {
                    predictors[predictions++] = i - 1;
                }
            }
        }
    }

    private static int blocks(int rows) {
        return (rows + BLOCK - 1) / BLOCK;
    }

    /** Where a block of rows ends. */
    private static int end(int block, int rows) {
        return Math.min(rows, (block + 1) * BLOCK);
    }

    private void embed(int task) {
        Matrix input = layers.getFirst().activations.input();
        int hidden = shape.hidden();
        for (int row = task * BLOCK; row < end(task, tokens); row++) {
            System.arraycopy(parameters.embedding().values(), batch.tokens()[row] * hidden, input.values(),
                    input.at(row), hidden);
        }
    }

    private void beforeAttention(Layer layer, int task, Scratch own) {
        Activations a = layer.activations;
        int first = task * BLOCK;
        int count = end(task, tokens) - first;
        norm(a.input(), layer.parameters.attnNorm(), a.attnNormed(), a.attnScale(), first, count);
        layer.query.multiply(a.attnNormed(), first, a.queries(), first, count, false, own.tile);
        layer.key.multiply(a.attnNormed(), first, a.keys(), first, count, false, own.tile);
        layer.value.multiply(a.attnNormed(), first, a.values(), first, count, false, own.tile);
        for (int row = first; row < first + count; row++) {
            rotary.turn(a.queries(), a.keys(), row, positions[row]);
        }
    }

    private void afterAttention(Layer layer, Matrix output, int task, Scratch own) {
        Activations a = layer.activations;
        int first = task * BLOCK;
        int count = end(task, tokens) - first;
        copy(a.input(), a.middle(), first, count);
        layer.attnOutput.multiply(a.attended(), first, a.middle(), first, count, true, own.tile);
        norm(a.middle(), layer.parameters.ffnNorm(), a.ffnNormed(), a.ffnScale(), first, count);
        layer.gate.multiply(a.ffnNormed(), first, a.gate(), first, count, false, own.tile);
        layer.up.multiply(a.ffnNormed(), first, a.up(), first, count, false, own.tile);
        for (int row = first; row < first + count; row++) {
            Rows.swiGlu(a.gate().values(), a.up().values(), a.expanded().values(), a.gate().at(row), shape.ffn());
        }
        copy(a.middle(), output, first, count);
        layer.down.multiply(a.expanded(), first, output, first, count, true, own.tile);
    }

    private void norm(Matrix x, Parameter gain, Matrix y, float[] scales, int first, int count) {
        for (int row = first; row < first + count; row++) {
            scales[row] = Rows.rmsNorm(x.values(), x.at(row), shape.hidden(), gain.values(), shape.rmsEps(),
                    y.values(), y.at(row));
        }
    }

    /** Rows of equal stride. */
    private static void copy(Matrix from, Matrix to, int first, int count) {
        System.arraycopy(from.values(), from.at(first), to.values(), to.at(first), count * from.stride());
    }

    private void classify(int task, Scratch own) {
        int first = task * BLOCK;
        int end = end(task, predictions);
        for (int row = first; row < end; row++) {
            normScale[row] = Rows.rmsNorm(last.values(), last.at(predictors[row]), shape.hidden(),
                    parameters.outputNorm().values(), shape.rmsEps(), normed.values(), normed.at(row));
        }
        embedding.multiply(normed, first, logits, first, end - first, false, own.tile);
        for (int row = first; row < end; row++) {
            int target = predictors[row] + 1;
            float logit = logits.values()[logits.at(row) + batch.tokens()[target]];
            logProbabilities[target] = logit
                    - Rows.softmax(logits.values(), logits.at(row), shape.vocabSize(), Lanes.padded(shape.vocabSize()));
        }
    }

    /** The gradient of a logit is {@code weight * (probability - 1)} for the token that came, {@code weight * probability} else. */
    private void classifyBack(int task, Scratch own) {
        int first = task * BLOCK;
        int end = end(task, predictions);
        for (int row = first; row < end; row++) {
            int target = predictors[row] + 1;
            int at = logits.at(row);
            Rows.scale(logits.values(), at, Lanes.padded(shape.vocabSize()), lossWeights[target]);
            logits.values()[at + batch.tokens()[target]] -= lossWeights[target];
        }
        Matrix dNormed = own.dNormed;
        embedding.multiplyBack(logits, first, dNormed, 0, end - first, false, own.tile);
        int gain = clear(dFfnGain, task);
        for (int row = first; row < end; row++) {
            Rows.rmsNormBackward(dNormed.values(), dNormed.at(row - first), last.values(), last.at(predictors[row]),
                    shape.hidden(), parameters.outputNorm().values(), normScale[row], dResidual.values(),
                    dResidual.at(predictors[row]), dFfnGain, gain);
        }
    }

    private void afterAttentionBack(Layer layer, int task, Scratch own) {
        Activations a = layer.activations;
        int first = task * BLOCK;
        int count = end(task, tokens) - first;
        layer.down.multiplyBack(dResidual, first, dGate, first, count, false, own.tile);
        for (int row = first; row < first + count; row++) {
            Rows.swiGluBackward(a.gate().values(), a.up().values(), dGate.values(), dUp.values(), dGate.at(row),
                    shape.ffn());
        }
        layer.gate.multiplyBack(dGate, first, own.dNormed, 0, count, false, own.tile);
        layer.up.multiplyBack(dUp, first, own.dNormed, 0, count, true, own.tile);
        copy(dResidual, dMiddle, first, count);
        normBack(a.middle(), layer.parameters.ffnNorm(), a.ffnScale(), dMiddle, dFfnGain, task, own);
        layer.attnOutput.multiplyBack(dMiddle, first, dAttended, first, count, false, own.tile);
    }

    private void beforeAttentionBack(Layer layer, int task, Scratch own) {
        Activations a = layer.activations;
        int first = task * BLOCK;
        int count = end(task, tokens) - first;
        layer.query.multiplyBack(dQueries, first, own.dNormed, 0, count, false, own.tile);
        layer.key.multiplyBack(dKeys, first, own.dNormed, 0, count, true, own.tile);
        layer.value.multiplyBack(dValues, first, own.dNormed, 0, count, true, own.tile);
        copy(dMiddle, dResidual, first, count);
        normBack(a.input(), layer.parameters.attnNorm(), a.attnScale(), dResidual, dAttnGain, task, own);
    }

    private void normBack(Matrix x, Parameter gain, float[] scales, Matrix dx, float[] dGain, int task, Scratch own) {
        int first = task * BLOCK;
        int gainAt = clear(dGain, task);
        for (int row = first; row < end(task, tokens); row++) {
            Rows.rmsNormBackward(own.dNormed.values(), own.dNormed.at(row - first), x.values(), x.at(row),
                    shape.hidden(), gain.values(), scales[row], dx.values(), dx.at(row), dGain, gainAt);
        }
    }

    private int clear(float[] dGain, int task) {
        int at = task * shape.hidden();
        Arrays.fill(dGain, at, at + shape.hidden(), 0);
        return at;
    }

    private void addGain(float[] dGain, int blocks, Parameter gain) {
        for (int block = 0; block < blocks; block++) {
            Rows.add(gain.gradients(), 0, dGain, block * shape.hidden(), shape.hidden());
        }
    }

    private void embedBack(int task) {
        int column = task * EMBEDDING_COLUMNS;
        int count = Math.min(EMBEDDING_COLUMNS, shape.hidden() - column);
        for (int row = 0; row < tokens; row++) {
            Rows.add(parameters.embedding().gradients(), batch.tokens()[row] * shape.hidden() + column,
                    dResidual.values(), dResidual.at(row) + column, count);
        }
    }

    /** Attention of one key/value head over one sequence. */
    private interface HeadTask {
        void run(int start, int length, int kvHead, Attention attention);
    }

    private void runAttention(HeadTask task) {
        workers.run(batch.starts().length * shape.kvHeads(), (index, worker) -> {
            int sequence = index / shape.kvHeads();
            int start = batch.starts()[sequence];
            task.run(start, batch.end(sequence) - start, index % shape.kvHeads(), scratch[worker].attention);
        });
    }

    /** What the gradient of a matrix is the product of. */
    private record Product(Weights weights, Matrix dy, Matrix x) {
        int tasks() {
            return WeightGradient.parts(weights.parameter());
        }
    }

    private void addWeightGradients(int rows, Product... products) {
        int tasks = Arrays.stream(products).mapToInt(Product::tasks).sum();
        workers.run(tasks, (task, worker) -> {
            int index = 0;
            int part = task;
            while (part >= products[index].tasks()) {
                part -= products[index++].tasks();
            }
            Product product = products[index];
            scratch[worker].weightGradient.add(product.weights.parameter(), part, product.dy, product.x, rows);
        });
    }
}
