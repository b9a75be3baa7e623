package io.millrace.runtime.weights;

import io.millrace.runtime.weights.TinyLlama.Shape;
import io.millrace.runtime.weights.export.GgufWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The tiny Llama cut in parts, as {@code llama-gguf-split} does. */
public final class SplitGguf {

    private SplitGguf() {}

    /** Writes all parts; returns the path of the first. */
    public static Path write(Path directory, int count) throws IOException {
        List<Shape> shapes = TinyLlama.shapes(TensorNames.GGUF);
        for (int i = 0; i < count; i++) {
            write(part(directory, i, count), i, count, shapes.size(),
                    shapes.subList(i * shapes.size() / count, (i + 1) * shapes.size() / count));
        }
        return part(directory, 0, count);
    }

    /** Writes one part that claims to be number {@code no}, counted from 0, of {@code count}. */
    static void write(Path file, int no, int count, int tensors, List<Shape> shapes) throws IOException {
        GgufWriter writer = no == 0 ? TinyLlama.gguf() : new GgufWriter();
        writer.uint32("split.no", no).uint32("split.count", count).uint32("split.tensors.count", tensors);
        TinyLlama.addTensors(writer, TensorType.F32, shapes);
        writer.write(file);
    }

    public static Path part(Path directory, int no, int count) {
        return directory.resolve("tiny-%05d-of-%05d.gguf".formatted(no + 1, count));
    }
}
