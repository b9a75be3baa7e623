package io.millrace.job.cli;

import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Path;

/** A random model that decodes thousands of tokens in a second. */
final class SmallModel {
    static final int CONTEXT = 1024;

    private SmallModel() {}

    static Path in(Path directory) throws IOException {
        Path model = directory.resolve("small.gguf");
        SampleModel.write(model, SampleModel.Options.defaults().withGeometry(2, 64, 128, 4, 2, 16)
                .withContextLength(CONTEXT).withType(TensorType.F32));
        return model;
    }
}
