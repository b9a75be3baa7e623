package io.millrace.job.cli;

import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.LlamaWeights;
import java.nio.file.Path;

/** A model with an engine of its own in this process, for verbs that need neither Kafka nor Flink. Closes all it opened. */
record LocalModel(LlamaWeights weights, Tokenizer tokenizer, Engine engine) implements AutoCloseable {

    static LocalModel open(Path path, EngineOptions options) {
        Tokenizer tokenizer = Tokenizer.load(path);
        LlamaWeights weights = LlamaWeights.open(path);
        try {
            weights.warnings().forEach(warning -> System.err.println("millrace: " + path + ": " + warning));
            return new LocalModel(weights, tokenizer, Engine.start(weights, tokenizer, options));
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    @Override
    public void close() {
        engine.close();
        weights.close();
    }
}
