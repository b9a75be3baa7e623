package io.millrace.training.network;

import io.millrace.runtime.kernels.WorkerPool;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Muon (Jordan et al. 2024) for the matrices of the blocks, AdamW (Loshchilov and Hutter 2019) for the embedding and the
 * gains of norms, over clipped gradients: all of them are scaled down when their norm, taken together, is above a limit.
 * Only matrices decay. A step of Muon moves a matrix by its orthogonalised momentum, scaled so that its values move as far
 * as AdamW's do and one learning rate serves both (Liu et al. 2025). A function of values, gradients and its own state; the
 * same bits whatever the number of threads. One thread at a time uses it.
 */
public final class Optimizer {
    /** Values of a parameter that are one task. */
    private static final int CHUNK = 1 << 14;
    /** The root mean square of what AdamW moves a value by, as a share of the learning rate. */
    private static final float ADAM_UPDATE = 0.2f;

    private final Options options;
    private final Parameters parameters;
    private final WorkerPool workers;
    /** Of all parameters. */
    private final List<Chunk> chunks = new ArrayList<>();
    private final double[] sumsOfSquares;
    /** What AdamW moves. */
    private final List<Averaged> averaged = new ArrayList<>();
    /** What Muon moves. */
    private final List<Orthogonalised> orthogonalised = new ArrayList<>();
    private final List<State> states = new ArrayList<>();
    /** By worker. */
    private final List<NewtonSchulz> scratch = new ArrayList<>();
    private int steps;

    /**
     * What a step depends on.
     *
     * @param beta1 AdamW's decay of the mean of gradients
     * @param beta2 AdamW's decay of the mean of their squares
     * @param epsilon added to the root of the latter
     * @param momentum Muon's share of the sum of gradients that a step keeps
     * @param weightDecay share of a matrix's values that is taken off, times the learning rate
     * @param maxNorm limit of the norm of all gradients together; infinity for none
     */
    public record Options(float beta1, float beta2, float epsilon, float momentum, float weightDecay,
            float maxNorm) {

        /** @throws IllegalArgumentException when a value is out of its range */
        public Options {
            if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
                throw new IllegalArgumentException(
                        "beta1 and beta2 must lie in [0, 1), not " + beta1 + " and " + beta2);
            }
            if (!(momentum >= 0 && momentum < 1)) {
                throw new IllegalArgumentException("momentum must lie in [0, 1), not " + momentum);
            }
            if (!(epsilon > 0 && weightDecay >= 0 && maxNorm > 0)) {
                throw new IllegalArgumentException("epsilon and maxNorm must be above 0 and weightDecay not below, not "
                        + epsilon + ", " + maxNorm + " and " + weightDecay);
            }
        }

        /** What language models of this kind are trained with: 0.9, 0.95, 1e-8, 0.95, 0.1 and 1. */
        public static Options defaults() {
            return new Options(0.9f, 0.95f, 1e-8f, 0.95f, 0.1f, 1);
        }
    }

    private record Chunk(Parameter parameter, int first, int end) {}

    private record Averaged(Chunk chunk, float[] mean, float[] square) {}

    private record Orthogonalised(Parameter parameter, float[] momentum) {}

    /** What a checkpoint holds of a parameter beside its values. */
    private record State(Parameter parameter, float[] values) {}

    /** Means and sums of zero. */
    public Optimizer(Parameters parameters, Options options, WorkerPool workers) {
        this.parameters = parameters;
        this.options = options;
        this.workers = workers;
        List<Parameter> matrices = parameters.blockMatrices();
        for (Parameter parameter : parameters.all()) {
            List<Chunk> own = chunks(parameter);
            chunks.addAll(own);
            float[] mean = state(parameter);
            if (matrices.contains(parameter)) {
                orthogonalised.add(new Orthogonalised(parameter, mean));
            } else {
                float[] square = state(parameter);
                own.forEach(chunk -> averaged.add(new Averaged(chunk, mean, square)));
            }
        }
        sumsOfSquares = new double[chunks.size()];
        int longer = matrices.stream().mapToInt(matrix -> Math.max(matrix.rows(), matrix.cols())).max().orElse(0);
        int shorter = matrices.stream().mapToInt(matrix -> Math.min(matrix.rows(), matrix.cols())).max().orElse(0);
        for (int i = 0; i < workers.threads(); i++) {
            scratch.add(new NewtonSchulz(longer, shorter));
        }
    }

    private static List<Chunk> chunks(Parameter parameter) {
        List<Chunk> chunks = new ArrayList<>();
        int size = parameter.values().length;
        for (int first = 0; first < size; first += CHUNK) {
            chunks.add(new Chunk(parameter, first, Math.min(size, first + CHUNK)));
        }
        return chunks;
    }

    private float[] state(Parameter parameter) {
        float[] values = new float[parameter.values().length];
        states.add(new State(parameter, values));
        return values;
    }

    /**
     * Moves the parameters by their gradients, which are 0 afterwards.
     *
     * @return the norm of the gradients before clipping
     * @throws IllegalStateException when a gradient is not finite; nothing has changed then
     */
    public double step(float learningRate) {
        workers.run(chunks.size(), (task, _) -> {
            Chunk chunk = chunks.get(task);
            sumsOfSquares[task] = sumOfSquares(chunk.parameter.gradients(), chunk.first, chunk.end);
        });
        double sum = 0;
        for (int i = 0; i < sumsOfSquares.length; i++) {
            if (!Double.isFinite(sumsOfSquares[i])) {
                throw new IllegalStateException(chunks.get(i).parameter.name() + ": a gradient is not finite after "
                        + steps + " steps; lower the learning rate or go back to an earlier checkpoint");
            }
            sum += sumsOfSquares[i];
        }
        double norm = Math.sqrt(sum);
        float scale = norm > options.maxNorm ? (float) (options.maxNorm / norm) : 1;
        steps++;
        double meanBias = 1 - StrictMath.pow(options.beta1, steps);
        double squareBias = 1 - StrictMath.pow(options.beta2, steps);
        float rate = (float) (learningRate / meanBias);
        float squareScale = (float) (1 / Math.sqrt(squareBias));
        float kept = 1 - learningRate * options.weightDecay;
        // The matrices first: they are the larger tasks.
        workers.run(orthogonalised.size() + averaged.size(), (task, worker) -> {
            if (task < orthogonalised.size()) {
                move(orthogonalised.get(task), scratch.get(worker), scale, learningRate, kept);
            } else {
                Averaged own = averaged.get(task - orthogonalised.size());
                move(own, scale, rate, squareScale, own.chunk.parameter.matrix() ? kept : 1);
            }
        });
        return norm;
    }

    /** Eight sums, so that the additions do not wait for each other. */
    private static double sumOfSquares(float[] values, int first, int end) {
        double[] sums = new double[8];
        int i = first;
        for (; i + 8 <= end; i += 8) {
            for (int lane = 0; lane < 8; lane++) {
                sums[lane] += (double) values[i + lane] * values[i + lane];
            }
        }
        for (; i < end; i++) {
            sums[0] += (double) values[i] * values[i];
        }
        return Arrays.stream(sums).sum();
    }

    /** A loop without dependences between its rounds: the compiler makes vectors of it. */
    private void move(Averaged own, float scale, float rate, float squareScale, float kept) {
        Chunk chunk = own.chunk;
        float[] values = chunk.parameter.values();
        float[] gradients = chunk.parameter.gradients();
        float[] means = own.mean;
        float[] squares = own.square;
        float beta1 = options.beta1;
        float beta2 = options.beta2;
        float epsilon = options.epsilon;
        for (int i = chunk.first; i < chunk.end; i++) {
            float gradient = gradients[i] * scale;
            float mean = beta1 * means[i] + (1 - beta1) * gradient;
            float square = beta2 * squares[i] + (1 - beta2) * gradient * gradient;
            means[i] = mean;
            squares[i] = square;
            values[i] = values[i] * kept - rate * mean / ((float) Math.sqrt(square) * squareScale + epsilon);
        }
        Arrays.fill(gradients, chunk.first, chunk.end, 0);
    }

    /** With Nesterov's momentum: the update looks a step ahead of the sum. */
    private void move(Orthogonalised own, NewtonSchulz scratch, float scale, float learningRate, float kept) {
        float[] values = own.parameter.values();
        float[] gradients = own.parameter.gradients();
        float[] sums = own.momentum;
        float momentum = options.momentum;
        for (int i = 0; i < values.length; i++) {
            float gradient = gradients[i] * scale;
            float sum = momentum * sums[i] + gradient;
            sums[i] = sum;
            gradients[i] = gradient + momentum * sum;
        }
        int rows = own.parameter.rows();
        int cols = own.parameter.cols();
        scratch.orthogonalise(gradients, rows, cols);
        float rate = learningRate * ADAM_UPDATE * (float) Math.sqrt(Math.max(rows, cols));
        for (int i = 0; i < values.length; i++) {
            values[i] = values[i] * kept - rate * gradients[i];
        }
        Arrays.fill(gradients, 0);
    }

    /** Steps made so far. */
    public int steps() {
        return steps;
    }

    /** Writes the parameters and the state: a run that reads them goes on as if it had never stopped, bit for bit. */
    public void write(DataOutput out) throws IOException {
        out.writeInt(steps);
        parameters.write(out);
        for (State state : states) {
            Parameters.write(out, state.values);
        }
    }

    /**
     * Replaces parameters and state by written ones. After an error they are not defined.
     *
     * @throws IOException when they are those of another shape
     */
    public void read(DataInput in) throws IOException {
        steps = in.readInt();
        parameters.read(in);
        for (State state : states) {
            Parameters.read(in, state.parameter.name(), state.values);
        }
    }
}
