package io.millrace.training.network;

/**
 * Rotary position embedding (Su et al. 2021) of neighbouring pairs, as the runtime's decoder has it: pair {@code i} of a
 * head at position {@code p} turns by {@code p * theta^(-2i / headDim)}. Queries are also scaled by
 * {@code 1 / sqrt(headDim)}.
 */
final class Rotary {
    private final NetworkShape shape;
    private final float queryScale;
    /** By position and place in the head. */
    private final float[] cos;
    /** Negative in the first place of a pair. */
    private final float[] sin;

    Rotary(NetworkShape shape, int positions) {
        this.shape = shape;
        int headDim = shape.headDim();
        queryScale = (float) (1 / Math.sqrt(headDim));
        cos = new float[positions * headDim];
        sin = new float[cos.length];
        for (int i = 0; i < headDim; i += 2) {
            double frequency = StrictMath.pow(shape.ropeTheta(), -(double) i / headDim);
            for (int position = 0; position < positions; position++) {
                int at = position * headDim + i;
                cos[at] = (float) StrictMath.cos(position * frequency);
                cos[at + 1] = cos[at];
                sin[at + 1] = (float) StrictMath.sin(position * frequency);
                sin[at] = -sin[at + 1];
            }
        }
    }

    /** Turns all heads of a token. */
    void turn(Matrix queries, Matrix keys, int row, int position) {
        int headDim = shape.headDim();
        int angles = position * headDim;
        for (int head = 0; head < shape.heads(); head++) {
            Rows.rotate(queries.values(), queries.at(row) + head * headDim, headDim, cos, sin, angles, queryScale);
        }
        for (int head = 0; head < shape.kvHeads(); head++) {
            Rows.rotate(keys.values(), keys.at(row) + head * headDim, headDim, cos, sin, angles, 1);
        }
    }

    /** Turns the gradients of a key/value head of a sequence and of the query heads that share it back. */
    void turnBack(Matrix dQueries, Matrix dKeys, int start, int length, int kvHead) {
        int headDim = shape.headDim();
        int group = shape.heads() / shape.kvHeads();
        for (int position = 0; position < length; position++) {
            int angles = position * headDim;
            int row = start + position;
            for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
                Rows.rotateBack(dQueries.values(), dQueries.at(row) + head * headDim, headDim, cos, sin, angles,
                        queryScale);
            }
            Rows.rotateBack(dKeys.values(), dKeys.at(row) + kvHead * headDim, headDim, cos, sin, angles, 1);
        }
    }
}
