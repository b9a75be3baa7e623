package io.millrace.operator;

import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Small random models, written once per JVM. */
public final class SampleModels {
    public static final int CONTEXT = 1024;

    private static final Map<SampleModel.Options, Path> WRITTEN = new ConcurrentHashMap<>();

    private SampleModels() {}

    /** Two layers in F32, for 1024 positions. */
    public static Path tiny() {
        return written(options());
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
