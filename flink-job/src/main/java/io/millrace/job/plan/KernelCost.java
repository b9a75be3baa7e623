package io.millrace.job.plan;

import io.millrace.runtime.weights.TensorType;

/**
 * What the kernels need per weight, in multiply-adds at the machine's limit; reading the weight comes on top. Fitted to what
 * {@code millrace bench} measured with AVX-512 on two cores, see the package's test of the prediction.
 *
 * @param unpack once per pass, for making floats of it
 * @param multiply per row
 */
record KernelCost(double unpack, double multiply) {
    /** The same for keys and values of the cache, per row and position. */
    static final double ATTENTION = 4;

    static KernelCost of(TensorType type) {
        return switch (type) {
            case F32 -> new KernelCost(8, 3.1);
            case F16 -> new KernelCost(10, 2.5);
            case BF16 -> new KernelCost(7, 3.9);
            case Q8_0 -> new KernelCost(2, 1.65);
            case Q4_0 -> new KernelCost(2.3, 1.4);
            case Q4_K -> new KernelCost(3, 1.5);
            case Q5_K, Q6_K -> new KernelCost(3, 1.9);
        };
    }
}
