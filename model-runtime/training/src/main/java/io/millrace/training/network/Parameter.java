package io.millrace.training.network;

/** A matrix or a vector that is learned. */
public final class Parameter {
    private final String name;
    private final int rows;
    private final int cols;
    private final boolean matrix;
    private final float[] values;
    private final float[] gradients;

    Parameter(String name, int rows, int cols, boolean matrix) {
        this.name = name;
        this.rows = rows;
        this.cols = cols;
        this.matrix = matrix;
        values = new float[Math.multiplyExact(rows, cols)];
        gradients = new float[values.length];
    }

    /** What GGUF files call the tensor. */
    public String name() {
        return name;
    }

    /** Outputs of a matrix; 1 of a vector. */
    public int rows() {
        return rows;
    }

    /** Inputs of a matrix; values of a vector. */
    public int cols() {
        return cols;
    }

    /** Whether it is a matrix; the gains of norms are vectors. */
    public boolean matrix() {
        return matrix;
    }

    /** {@code [row][col]}; the parameter's own array. */
    public float[] values() {
        return values;
    }

    /** What the backward passes since the last step of the optimiser added up, laid out as the values. */
    public float[] gradients() {
        return gradients;
    }
}
