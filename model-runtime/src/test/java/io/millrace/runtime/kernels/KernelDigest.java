package io.millrace.runtime.kernels;

import io.millrace.runtime.packing.PackedLayout;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.zip.CRC32C;

/** A check sum over the results of all kernels, to compare those of different JVMs. */
final class KernelDigest {
    private KernelDigest() {}

    /** Prints the name of the kernels that this JVM picks and their check sum. */
    public static void main(String[] args) {
        Kernels kernels = KernelProvider.kernels();
        System.out.println(kernels.name() + " " + of(kernels));
    }

    static long of(Kernels kernels) {
        CRC32C digest = new CRC32C();
        for (TensorType type : TensorType.values()) {
            int cols = type.blockSize() == 1 ? 37 : 768;
            Tensor weights = TestTensors.random(type, 7, cols, 1);
            float[] y = new float[7 * 7];
            if (PackedLayout.packs(type)) {
                Activations x = new Activations(7, cols, List.of(PackedLayout.of(type)));
                System.arraycopy(TestTensors.floats(x.values().length, -2, 2, 2), 0, x.values(), 0, x.values().length);
                for (int row = 0; row < 7 && x.rounds(); row++) {
                    kernels.round(x, row, 0, cols, new KernelScratch());
                }
                kernels.multiply(TestTensors.packed(weights), 0, x, 7, y, 0, 7, new KernelScratch());
                add(digest, y);
                continue;
            }
            kernels.multiply(weights, 0, 7, TestTensors.activations(7, cols, 2), Kernels.padded(cols), 7, y, 0, 7,
                    new KernelScratch());
            add(digest, y);
        }
        float[] x = TestTensors.activations(1, 75, 3);
        kernels.rmsNorm(x, 0, 75, TestTensors.activations(1, 75, 4), 1e-5f, x, 0);
        kernels.swiGlu(x, 0, TestTensors.floats(75, -2, 2, 5), 0, 75);
        add(digest, x);
        AttentionTile tile = new AttentionTile(24, 5, true);
        tile.begin(5);
        tile.setQueries(0, 5, TestTensors.floats(5 * 24, -2, 2, 10), 0);
        for (int part = 0; part < 2; part++) {
            int positions = part == 0 ? AttentionTile.POSITIONS : 37;
            fill(tile.keyScales(), 11 + part);
            fill(tile.valueScales(), 13 + part);
            fill(tile.data(), 6 + part);
            kernels.attendKeys(tile, 0, 5, positions);
            fill(tile.data(), 8 + part);
            kernels.attendValues(tile, 0, 5, positions);
        }
        float[] out = new float[5 * 24];
        for (int query = 0; query < 5; query++) {
            tile.finish(query, out, query * 24);
        }
        add(digest, out);
        return digest.getValue();
    }

    private static void fill(float[] values, long seed) {
        System.arraycopy(TestTensors.floats(values.length, -1, 1, seed), 0, values, 0, values.length);
    }

    private static void add(CRC32C digest, float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length);
        bytes.asFloatBuffer().put(values);
        digest.update(bytes.array());
    }
}
