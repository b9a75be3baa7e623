package io.millrace.runtime.weights;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** Reading of tensors whose values are plain floating-point numbers. */
final class FloatTensors {

    private FloatTensors() {}

    /** The values of a tensor of F32, F16 or BF16. */
    static float[] read(Path file, Tensor tensor) {
        float[] values = new float[Math.multiplyExact(tensor.rows(), tensor.cols())];
        MemorySegment data = tensor.data();
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (tensor.type()) {
                case F32 -> data.get(FileCursor.FLOAT, 4L * i);
                case F16 -> Float.float16ToFloat(data.get(FileCursor.SHORT, 2L * i));
                case BF16 -> Float.intBitsToFloat(data.get(FileCursor.SHORT, 2L * i) << 16);
                case Q8_0, Q4_0, Q4_K, Q5_K, Q6_K -> throw new ModelFormatException(file, tensor.name(),
                        "is " + tensor.type() + ", expected F32, F16 or BF16");
            };
        }
        return values;
    }

    /** The same tensor in F32: itself, or a copy that the garbage collector frees. */
    static Tensor toF32(Path file, Tensor tensor) {
        if (tensor.type() == TensorType.F32) {
            return tensor;
        }
        MemorySegment copy = Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, read(file, tensor));
        return new Tensor(tensor.name(), TensorType.F32, tensor.rows(), tensor.cols(), copy);
    }
}
