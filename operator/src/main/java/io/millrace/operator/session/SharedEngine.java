package io.millrace.operator.session;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.operator.OperatorSettings;
import io.millrace.operator.shard.ModelLease;
import io.millrace.operator.shard.ShardLayout;
import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.prompt.AnswerParser;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.shard.Downstream;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.LayerRange;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** A model and the engine that runs it, leased by subtasks through {@link EngineLease}. Any thread may use it. */
final class SharedEngine implements AutoCloseable {
    private final LlamaModel model;
    private final Engine engine;
    private final Runnable closeModel;
    private final ChatFormat format;
    private final AnswerParser parser;
    private final String vocabulary;

    private SharedEngine(LlamaModel model, Engine engine, Runnable closeModel) {
        Tokenizer tokenizer = model.tokenizer();
        this.model = model;
        this.engine = engine;
        this.closeModel = closeModel;
        this.format = new ChatFormat(tokenizer);
        this.parser = new AnswerParser(tokenizer);
        this.vocabulary = fingerprint(tokenizer);
    }

    /** Loads a whole model; throws {@link io.millrace.runtime.weights.ModelFormatException} when it is no Llama. */
    static SharedEngine open(OperatorSettings settings) {
        LlamaModel model = ModelLease.open(settings, outline -> LayerRange.all(outline.config()));
        try {
            Engine engine = Engine.start(model, settings.engineOptions(settings.kvBytes()));
            return new SharedEngine(model, engine, model::close);
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    /**
     * An engine of the first shard.
     *
     * @param model is closed by the caller, after the engine
     * @param shards the others
     */
    static SharedEngine of(LlamaModel model, ShardLayout layout, Downstream shards) {
        Engine engine = Engine.start(model, layout.settings().engineOptions(layout.kvBytes(0)), shards);
        return new SharedEngine(model, engine, () -> {});
    }

    Engine engine() {
        return engine;
    }

    Tokenizer tokenizer() {
        return model.tokenizer();
    }

    ChatFormat format() {
        return format;
    }

    AnswerParser parser() {
        return parser;
    }

    /** Ids that end a turn. */
    List<Integer> stopTokens() {
        return model.tokenizer().specials().stopTokens();
    }

    /** Positions of the model's context, of which the engine may hold fewer. */
    int modelContext() {
        return model.weights().config().contextLength();
    }

    String modelName() {
        return model.weights().name();
    }

    /** Of the model's content. */
    String fingerprint() {
        return model.weights().fingerprint();
    }

    /** Fingerprint of the vocabulary: token ids of equal ones mean the same. */
    String vocabulary() {
        return vocabulary;
    }

    private static String fingerprint(Tokenizer tokenizer) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        for (int token = 0; token < tokenizer.vocabularySize(); token++) {
            byte[] bytes = tokenizer.isSpecial(token)
                    ? tokenizer.display(token).getBytes(UTF_8)
                    : tokenizer.bytes(token);
            digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).flip());
            digest.update(bytes);
        }
        return HexFormat.of().formatHex(digest.digest(), 0, 16);
    }

    @Override
    public void close() {
        engine.close();
        closeModel.run();
    }
}
