package io.millrace.runtime.kernels;

import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.weights.Tensor;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Products with one matrix, in whichever form the kernels multiply with, cut into tasks of {@link #OUTPUTS} outputs. Immutable;
 * tasks may run on any threads at the same time.
 */
public final class Projection {
    /** Outputs of a task, except perhaps the last one. */
    public static final int OUTPUTS = PackedLayout.TILE_ROWS;

    private final Tensor tensor;
    private final @Nullable PackedMatrix packed;
    private final Kernels kernels;

    /**
     * @param tensor in file layout, read when there is no packed form
     * @param packed of the same matrix
     */
    public Projection(Tensor tensor, Optional<PackedMatrix> packed, Kernels kernels) {
        this.tensor = tensor;
        this.packed = packed.orElse(null);
        this.kernels = kernels;
    }

    /** How its weights are packed, when they are. */
    public Optional<PackedLayout> layout() {
        return Optional.ofNullable(packed).map(PackedMatrix::layout);
    }

    /** Tasks of a product. */
    public int tasks() {
        return PackedLayout.tiles(tensor.rows());
    }

    /** The first output of a task. */
    public static int first(int task) {
        return task * OUTPUTS;
    }

    /** Outputs of a task. */
    public int count(int task) {
        return Math.min(OUTPUTS, tensor.rows() - first(task));
    }

    /**
     * Computes a task's outputs for the first {@code rows} rows of {@code x}: of row {@code r}, the task's output {@code n} goes
     * to {@code y[yOffset + r * yStride + n]}.
     *
     * @param scratch of this thread
     */
    public void run(int task, Activations x, int rows, float[] y, int yOffset, int yStride, KernelScratch scratch) {
        if (packed != null) {
            kernels.multiply(packed, task, x, rows, y, yOffset, yStride, scratch);
        } else {
            kernels.multiply(tensor, first(task), count(task), x.values(), x.stride(), rows, y, yOffset, yStride,
                    scratch);
        }
    }
}
