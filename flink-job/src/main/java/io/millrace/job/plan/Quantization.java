package io.millrace.job.plan;

import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.TensorType;

/**
 * How a model's matrices are stored: all of them in one type, or one of the mixtures that llama.cpp's quantizer makes. Norms
 * are F32 in each.
 */
public enum Quantization {
    F32(TensorType.F32, false),
    F16(TensorType.F16, false),
    BF16(TensorType.BF16, false),
    Q8_0(TensorType.Q8_0, false),
    Q4_0(TensorType.Q4_0, false),
    Q6_K(TensorType.Q6_K, false),
    /** See {@link #matrix}. */
    Q4_K_M(TensorType.Q4_K, true),
    /** See {@link #matrix}. */
    Q5_K_M(TensorType.Q5_K, true);

    /** Layers of the model whose value matrices the mixtures treat apart, since its 8 heads of values are small. */
    private static final int LAYERS_OF_70B = 80;

    /** The matrices of a layer that a mixture tells apart. */
    enum Role {
        VALUE, DOWN, OTHER
    }

    private final TensorType base;
    private final boolean mixture;

    Quantization(TensorType base, boolean mixture) {
        this.base = base;
        this.mixture = mixture;
    }

    /** The type of the embedding; one that is the output matrix too is stored as that. */
    TensorType embedding(boolean tiedOutput) {
        return tiedOutput ? output() : base;
    }

    /** The type of the output matrix. */
    TensorType output() {
        return mixture ? TensorType.Q6_K : base;
    }

    /**
     * The type of a matrix of a layer. In a mixture those of the values and {@code ffn_down} are Q6_K in half of the layers: the
     * first and the last eighth, and every third between; the other values of the 70B model are Q5_K.
     */
    TensorType matrix(Role role, int layer, LlamaConfig config) {
        if (!mixture || role == Role.OTHER) {
            return base;
        }
        if (hasMoreBits(layer, config.layers())) {
            return TensorType.Q6_K;
        }
        return role == Role.VALUE && config.layers() == LAYERS_OF_70B ? TensorType.Q5_K : base;
    }

    private static boolean hasMoreBits(int layer, int layers) {
        int eighth = layers / 8;
        return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
    }

    /** For people, where the name does not say it. */
    String describe() {
        return mixture
                ? this + " (as llama.cpp makes it: " + base + ", output and half of attn_v and ffn_down Q6_K)"
                : this + " (every matrix)";
    }
}
