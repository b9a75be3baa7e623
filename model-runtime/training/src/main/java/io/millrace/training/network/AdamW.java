package io.millrace.training.network;

import io.millrace.runtime.kernels.WorkerPool;
import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * AdamW (Loshchilov and Hutter 2019) over clipped gradients: all of them are scaled down when their norm, taken together,
 * is above a limit. Only matrices decay. A function of values, gradients and its own state; the same bits whatever the
 * number of threads. One thread at a time uses it.
 */
public final class AdamW {
    /** Values of a parameter that are one task. */
    private static final int CHUNK = 1 << 14;

    private final Options options;
    private final Parameters parameters;
    private final WorkerPool workers;
    private final List<Chunk> chunks = new ArrayList<>();
    private final double[] sumsOfSquares;
    /** By parameter. */
    private final List<Moments> moments = new ArrayList<>();
    private int steps;

    /**
     * What a step depends on.
     *
     * @param beta1 decay of the mean of gradients
     * @param beta2 decay of the mean of their squares
     * @param epsilon added to the root of the latter
     * @param weightDecay share of a matrix's values that is taken off, times the learning rate
     * @param maxNorm limit of the norm of all gradients together; infinity for none
     */
    public record Options(float beta1, float beta2, float epsilon, float weightDecay, float maxNorm) {

        /** @throws IllegalArgumentException when a value is out of its range */
        public Options {
            if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1)) {
                throw new IllegalArgumentException(
                        "beta1 and beta2 must lie in [0, 1), not " + beta1 + " and " + beta2);
            }
            if (!(epsilon > 0 && weightDecay >= 0 && maxNorm > 0)) {
                throw new IllegalArgumentException("epsilon and maxNorm must be above 0 and weightDecay not below, not "
                        + epsilon + ", " + maxNorm + " and " + weightDecay);
            }
        }

        /** What language models of this kind are trained with: 0.9, 0.95, 1e-8, 0.1 and 1. */
        public static Options defaults() {
            return new Options(0.9f, 0.95f, 1e-8f, 0.1f, 1);
        }
    }

    private record Moments(float[] mean, float[] square) {}

    private record Chunk(Parameter parameter, Moments moments, int first, int end) {}

    /** Moments of zero. */
    public AdamW(Parameters parameters, Options options, WorkerPool workers) {
        this.parameters = parameters;
        this.options = options;
        this.workers = workers;
        for (Parameter parameter : parameters.all()) {
            int size = parameter.values().length;
            Moments own = new Moments(new float[size], new float[size]);
            moments.add(own);
            for (int first = 0; first < size; first += CHUNK) {
                chunks.add(new Chunk(parameter, own, first, Math.min(size, first + CHUNK)));
            }
        }
        sumsOfSquares = new double[chunks.size()];
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
        workers.run(chunks.size(), (task, _) -> {
            Chunk chunk = chunks.get(task);
            float kept = chunk.parameter.matrix() ? 1 - learningRate * options.weightDecay : 1;
            move(chunk, scale, rate, squareScale, kept);
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
    private void move(Chunk chunk, float scale, float rate, float squareScale, float kept) {
        float[] values = chunk.parameter.values();
        float[] gradients = chunk.parameter.gradients();
        float[] means = chunk.moments.mean;
        float[] squares = chunk.moments.square;
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

    /** Steps made so far. */
    public int steps() {
        return steps;
    }

    /** Writes the parameters and the state: a run that reads them goes on as if it had never stopped, bit for bit. */
    public void write(DataOutput out) throws IOException {
        out.writeInt(steps);
        parameters.write(out);
        for (Moments own : moments) {
            Parameters.write(out, own.mean);
            Parameters.write(out, own.square);
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
        for (int i = 0; i < moments.size(); i++) {
            String name = parameters.all().get(i).name();
            Parameters.read(in, name, moments.get(i).mean);
            Parameters.read(in, name, moments.get(i).square);
        }
    }
}
