package io.millrace.runtime.engine;

import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** A model small enough that a test may run thousands of steps: two layers of width 32, F32, 512 positions unless told otherwise. */
final class TinyLlama implements AutoCloseable {
    static final int CONTEXT = 512;
    private static final SampleModel.Options OPTIONS = SampleModel.Options.defaults().withGeometry(2, 32, 64, 4, 2, 8)
            .withType(TensorType.F32);

    final Path file;
    final LlamaModel model;
    final LlamaWeights weights;
    final Tokenizer tokenizer;

    TinyLlama() throws IOException {
        this(write());
    }

    TinyLlama(Path file) {
        this.file = file;
        this.model = LlamaModel.open(file, PackingOptions.inMemory(1));
        this.weights = model.weights();
        this.tokenizer = model.tokenizer();
    }

    static Path write() throws IOException {
        return write(CONTEXT);
    }

    static Path write(int contextLength) throws IOException {
        Path file = Files.createTempFile("tiny-llama", ".gguf");
        SampleModel.write(file, OPTIONS.withContextLength(contextLength));
        return file;
    }

    /** Options with a KV budget of {@code blocks} blocks. */
    EngineOptions options(int blocks) {
        return EngineOptions.defaults().withThreads(1).withKvType(KvType.F32)
                .withKvBytes(blocks * KvLayout.of(weights.config(), KvType.F32).blockBytes());
    }

    Engine start(EngineOptions options) {
        return Engine.start(model, options);
    }

    /** Tokens of some prompt: the same for the same arguments, others for another seed, special tokens not among them. */
    int[] prompt(int seed, int length) {
        return new Random(seed).ints(length, 300, tokenizer.specials().beginOfText()).toArray();
    }

    @Override
    public void close() throws IOException {
        model.close();
        Files.delete(file);
    }
}
