package io.millrace.training.network;

/**
 * What the forward pass of a decoder block leaves for the backward pass, a row for each token.
 *
 * @param input the residual stream before the block
 * @param attnScale by token: the scale of the first norm
 * @param attnNormed its output
 * @param queries turned and scaled
 * @param keys turned
 * @param logSums by token and head: logarithm of the sum of the exponentials of the scores
 * @param attended the weighted values
 * @param middle the residual stream behind the attention
 * @param ffnScale by token: the scale of the second norm
 * @param ffnNormed its output
 * @param expanded silu(gate) * up
 */
record Activations(Matrix input, float[] attnScale, Matrix attnNormed, Matrix queries, Matrix keys, Matrix values,
        float[] logSums, Matrix attended, Matrix middle, float[] ffnScale, Matrix ffnNormed, Matrix gate, Matrix up,
        Matrix expanded) {

    static Activations of(NetworkShape shape, int tokens) {
        return new Activations(Matrix.of(tokens, shape.hidden()), new float[tokens], Matrix.of(tokens, shape.hidden()),
                Matrix.of(tokens, shape.queryWidth()), Matrix.of(tokens, shape.kvWidth()),
                Matrix.of(tokens, shape.kvWidth()), new float[tokens * shape.heads()],
                Matrix.of(tokens, shape.queryWidth()), Matrix.of(tokens, shape.hidden()), new float[tokens],
                Matrix.of(tokens, shape.hidden()), Matrix.of(tokens, shape.ffn()), Matrix.of(tokens, shape.ffn()),
                Matrix.of(tokens, shape.ffn()));
    }
}
