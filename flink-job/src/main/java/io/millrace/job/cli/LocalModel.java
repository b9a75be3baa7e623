package io.millrace.job.cli;

import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;

/** A model with an engine of its own in this process, for verbs that need neither Kafka nor Flink. Closes all it opened. */
record LocalModel(LlamaModel model, Engine engine) implements AutoCloseable {

    /**
     * @param cacheDirectory of packed weights
     * @param err hears what the file's user should know
     */
    static LocalModel open(Path path, Optional<Path> cacheDirectory, EngineOptions options, PrintWriter err) {
        LlamaModel model = LoadingProgress.during(cacheDirectory, options.threads(), err,
                packing -> LlamaModel.open(path, packing));
        try {
            model.weights().warnings().forEach(warning -> err.println("millrace: " + path + ": " + warning));
            return new LocalModel(model, Engine.start(model, options));
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    LlamaWeights weights() {
        return model.weights();
    }

    Tokenizer tokenizer() {
        return model.tokenizer();
    }

    @Override
    public void close() {
        engine.close();
        model.close();
    }
}
