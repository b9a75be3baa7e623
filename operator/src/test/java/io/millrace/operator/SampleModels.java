package io.millrace.operator;

import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Small random models, written once per JVM. */
public final class SampleModels {
    public static final int CONTEXT = 1024;
    /** What {@link #poisonable} cannot compute: a text whose first token has an embedding of NaN. */
    public static final String POISON = "\u2620";

    private static final Map<SampleModel.Options, Path> WRITTEN = new ConcurrentHashMap<>();

    private SampleModels() {}

    /** Two layers in F32, for 1024 positions. */
    public static Path tiny() {
        return written(options());
    }

    /** Four layers in F32, for 4096 positions, of a model that seldom stops by itself. */
    public static Path deep() {
        return written(options().withGeometry(4, 64, 128, 4, 2, 16).withContextLength(4 * CONTEXT).withSeed(3));
    }

    /** The same geometry and vocabulary with other weights. */
    public static Path otherWeights() {
        return written(options().withSeed(77));
    }

    /** The same weights, with another name for a special token. */
    public static Path otherVocabulary() {
        try {
            String name = "<|reserved_special_token_7|>";
            // Every byte is a character, and comes back as it was.
            String tiny = Files.readString(tiny(), StandardCharsets.ISO_8859_1);
            Path model = Files.createTempFile("sample-", ".gguf");
            model.toFile().deleteOnExit();
            return Files.writeString(model, tiny.replace(name, name.replace('7', '8')), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Two layers in Q8_0. */
    public static Path quantized() {
        return written(options().withType(TensorType.Q8_0));
    }

    /** A model whose logits are NaN behind {@link #POISON}. */
    public static Path poisonable() {
        try {
            Path model = Files.createTempFile("sample-", ".gguf");
            model.toFile().deleteOnExit();
            SampleModel.write(model, options().withTied(false));
            try (LlamaModel sample = LlamaModel.open(model, PackingOptions.inMemory(1))) {
                Tensor embedding = sample.weights().embedding();
                int token = sample.tokenizer().encode(POISON)[0];
                byte[] row = embedding.data().asSlice(embedding.rowOffset(token), embedding.cols() * 4L)
                        .toArray(ValueLayout.JAVA_BYTE);
                ByteBuffer nan = ByteBuffer.allocate(row.length).order(ByteOrder.LITTLE_ENDIAN);
                while (nan.hasRemaining()) {
                    nan.putFloat(Float.NaN);
                }
                String bytes = Files.readString(model, StandardCharsets.ISO_8859_1);
                return Files.writeString(model, bytes.replace(new String(row, StandardCharsets.ISO_8859_1),
                        new String(nan.array(), StandardCharsets.ISO_8859_1)), StandardCharsets.ISO_8859_1);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static SampleModel.Options options() {
        return SampleModel.Options.defaults().withGeometry(2, 64, 128, 4, 2, 16).withContextLength(CONTEXT)
                .withType(TensorType.F32);
    }

    private static Path written(SampleModel.Options options) {
        return WRITTEN.computeIfAbsent(options, missing -> {
            try {
                Path model = Files.createTempFile("sample-", ".gguf");
                model.toFile().deleteOnExit();
                SampleModel.write(model, missing);
                return model;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }
}
