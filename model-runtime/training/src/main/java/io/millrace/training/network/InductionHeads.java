package io.millrace.training.network;

import java.util.Arrays;
import java.util.Random;

/**
 * Gives a network induction heads to begin with (Olsson et al. 2022): a head of the first block attends to the token before
 * its own and notes it; a head of the second looks for the places whose note is the token at hand, and copies what stands
 * there. So whatever stood in the context is continued as it went on there, whichever tokens they are. Few of a corpus's tokens
 * ask for that, and gradients find it late or never; this is a start, and all of it is learned on.
 *
 * <p>
 * The first coordinate of the residual stream is the same for each token, so that a head can attend by position alone. The
 * notes lie in directions of their own, and are compared in pairs that rotary embedding hardly turns, so that a match counts
 * as much from afar. What else is added to the residual stream is small at first.
 */
final class InductionHeads {
    /** The first coordinate of an embedding, in standard deviations of the others. */
    private static final double CONSTANT = 4;
    /** Pairs that turn less from one position to the next, in radians, compare tokens. */
    private static final double SLOW = 1.0 / 500;
    /** So many of the fastest pairs tell positions apart. */
    private static final int FAST_PAIRS = 6;
    /** Length of a position's pairs: large enough for nearly all the weight to fall on one token. */
    private static final double POSITION = 12;
    /** How large a note is; one of 1 would drown the token itself, whose root mean square is that of the embedding. */
    private static final float NOTE = 0.12f;
    /** By what tokens are scaled before they are compared. */
    private static final float MATCH = 3;
    /** By what a copied token is scaled. */
    private static final float COPY = 0.3f;
    /** Share of what the other heads and the feed-forward layers otherwise begin with. */
    private static final float OTHERS = 0.1f;
    /** Gains of the last norm: what is copied is likely at once. */
    private static final float GAIN = 2;

    private final NetworkShape shape;
    private final Parameters parameters;
    private final int hidden;
    private final int headDim;
    /** Query heads that share a key. */
    private final int group;

    private InductionHeads(Parameters parameters) {
        this.parameters = parameters;
        shape = parameters.shape();
        hidden = shape.hidden();
        headDim = shape.headDim();
        group = shape.heads() / shape.kvHeads();
    }

    /**
     * Changes initial parameters of at least two blocks; the heads are those of the first key in the first two.
     *
     * @param deviation standard deviation of the embedding
     */
    static void write(Parameters parameters, double deviation, long seed) {
        InductionHeads heads = new InductionHeads(parameters);
        int compared = Math.min(heads.slowDimensions(), (heads.hidden - 1) / 2);
        double[][] directions = heads.orthonormal(2 * compared, new Random(seed));
        double[][] read = Arrays.copyOf(directions, compared);
        double[][] noted = Arrays.copyOfRange(directions, compared, 2 * compared);
        heads.quieten();
        heads.attendToTheTokenBefore(heads.addConstant(deviation));
        heads.note(read, noted);
        heads.match(read, noted);
        Arrays.fill(parameters.outputNorm().values(), GAIN);
    }

    /** The last ones of a head. */
    private int slowDimensions() {
        int slow = 0;
        for (int i = 0; i < headDim; i += 2) {
            slow += frequency(i) < SLOW ? 2 : 0;
        }
        return slow;
    }

    private double frequency(int dimension) {
        return StrictMath.pow(shape.ropeTheta(), -(double) (dimension / 2 * 2) / headDim);
    }

    /**
     * In the output each token gets the same of it, which changes no probability.
     *
     * @return what the first coordinate is behind a norm
     */
    private double addConstant(double deviation) {
        for (int token = 0; token < shape.vocabSize(); token++) {
            parameters.embedding().values()[token * hidden] = (float) (CONSTANT * deviation);
        }
        return CONSTANT / Math.sqrt((hidden - 1 + CONSTANT * CONSTANT) / hidden);
    }

    /** No head copies the constant, which would add up. */
    private void quieten() {
        for (Parameters.Layer layer : parameters.layers()) {
            for (int i = 0; i < shape.kvWidth(); i++) {
                layer.value().values()[i * hidden] = 0;
            }
            float[] output = layer.attnOutput().values();
            for (int query = 0; query < shape.queryWidth(); query++) {
                output[query] = 0;
            }
            for (float[] values : new float[][]{output, layer.down().values()}) {
                for (int i = 0; i < values.length; i++) {
                    values[i] *= OTHERS;
                }
            }
        }
    }

    /** The keys are turned one position ahead: their angle is the query's where they stand one position before. */
    private void attendToTheTokenBefore(double constant) {
        Parameters.Layer layer = parameters.layers().getFirst();
        float[] key = layer.key().values();
        float[] query = layer.query().values();
        Arrays.fill(key, 0, headDim * hidden, 0);
        Arrays.fill(query, 0, group * headDim * hidden, 0);
        double length = POSITION / constant;
        for (int i = 0; i < Math.min(2 * FAST_PAIRS, headDim); i += 2) {
            key[i * hidden] = (float) (length * StrictMath.cos(frequency(i)));
            key[(i + 1) * hidden] = (float) (length * StrictMath.sin(frequency(i)));
            for (int head = 0; head < group; head++) {
                query[(head * headDim + i) * hidden] = (float) length;
            }
        }
    }

    private void note(double[][] read, double[][] noted) {
        Parameters.Layer layer = parameters.layers().getFirst();
        for (int i = 0; i < headDim; i++) {
            for (int j = 0; j < hidden; j++) {
                if (i < read.length) {
                    layer.value().values()[i * hidden + j] = (float) read[i][j];
                }
                for (int head = 0; head < group; head++) {
                    layer.attnOutput().values()[j * shape.queryWidth() + head * headDim + i] = i < read.length
                            ? NOTE / group * (float) noted[i][j]
                            : 0;
                }
            }
        }
    }

    private void match(double[][] read, double[][] noted) {
        Parameters.Layer layer = parameters.layers().get(1);
        int first = headDim - read.length;
        for (int i = 0; i < headDim; i++) {
            boolean compared = i >= first;
            for (int j = 0; j < hidden; j++) {
                int at = i * hidden + j;
                layer.key().values()[at] = compared ? MATCH * (float) noted[i - first][j] : 0;
                for (int head = 0; head < group; head++) {
                    layer.query().values()[head * headDim * hidden + at] = compared
                            ? MATCH * (float) read[i - first][j]
                            : 0;
                    layer.attnOutput().values()[j * shape.queryWidth() + head * headDim + i] = COPY
                            * layer.value().values()[at];
                }
            }
        }
    }

    /** Directions at right angles to each other and to the first coordinate (Gram and Schmidt). */
    private double[][] orthonormal(int count, Random random) {
        double[][] directions = new double[count][hidden];
        for (int i = 0; i < count; i++) {
            double[] direction = directions[i];
            for (int j = 1; j < hidden; j++) {
                direction[j] = random.nextGaussian();
            }
            for (int before = 0; before < i; before++) {
                double along = dot(direction, directions[before]);
                for (int j = 1; j < hidden; j++) {
                    direction[j] -= along * directions[before][j];
                }
            }
            double length = Math.sqrt(dot(direction, direction));
            for (int j = 1; j < hidden; j++) {
                direction[j] /= length;
            }
        }
        return directions;
    }

    private static double dot(double[] x, double[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += x[i] * y[i];
        }
        return sum;
    }
}
