package io.millrace.operator.session;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.millrace.operator.OperatorSettings;
import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.KernelWarmUp;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.prompt.AnswerParser;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.tokenizer.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model and the engine that runs it: one per task manager and settings, leased by its subtasks through {@link
 * EngineLease}. Any thread may use it.
 */
final class SharedEngine implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SharedEngine.class);

    /** Spent while the task is still deploying, so that the first prompt does not wait for the compiler. */
    private static final Duration WARM_UP = Duration.ofMillis(1500);

    private final LlamaModel model;
    private final Engine engine;
    private final ChatFormat format;
    private final AnswerParser parser;
    private final String vocabulary;

    private SharedEngine(LlamaModel model, Engine engine) {
        Tokenizer tokenizer = model.tokenizer();
        this.model = model;
        this.engine = engine;
        this.format = new ChatFormat(tokenizer);
        this.parser = new AnswerParser(tokenizer);
        this.vocabulary = fingerprint(tokenizer);
    }

    /** Loads the model; throws {@link io.millrace.runtime.weights.ModelFormatException} when it is no Llama. */
    static SharedEngine open(OperatorSettings settings) {
        Path path = Path.of(settings.model());
        int threads = settings.threads() == 0 ? Runtime.getRuntime().availableProcessors() : settings.threads();
        LlamaModel model = LlamaModel.open(path, new PackingOptions(
                PackingOptions.cacheDirectory(settings.weightsCacheDir()), threads, new LoadingLog(path)));
        try {
            model.weights().warnings().forEach(warning -> LOG.warn("{}: {}", path, warning));
            KernelWarmUp.run(KernelProvider.kernels(), model.weights(), model.packed(),
                    WARM_UP);
            Engine engine = Engine.start(model, new EngineOptions(settings.maxNumSeqs(),
                    settings.maxNumBatchedTokens(), settings.kvBytes(), settings.kvType(), threads,
                    settings.prefixCache(), settings.numSpeculativeTokens(), settings.promptLookupNgram()));
            return new SharedEngine(model, engine);
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
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
        model.close();
    }
}
