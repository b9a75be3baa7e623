package io.millrace.job.plan;

import io.millrace.runtime.weights.LlamaConfig;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The geometries of Llama 3.1 (8b, 70b, 405b) and of the text models of Llama 3.2 (1b, 3b), as their {@code config.json} has
 * them.
 */
public enum Geometry {
    LLAMA_1B(16, 2048, 8192, 32, 64, true),
    LLAMA_3B(28, 3072, 8192, 24, 128, true),
    LLAMA_8B(32, 4096, 14_336, 32, 128, false),
    LLAMA_70B(80, 8192, 28_672, 64, 128, false),
    LLAMA_405B(126, 16_384, 53_248, 128, 128, false);

    private static final int KV_HEADS = 8;
    private static final int VOCABULARY = 128_256;
    private static final int CONTEXT = 131_072;

    private final int layers;
    private final int hidden;
    private final int ffn;
    private final int heads;
    private final int headDim;
    private final boolean tiedOutput;

    Geometry(int layers, int hidden, int ffn, int heads, int headDim, boolean tiedOutput) {
        this.layers = layers;
        this.hidden = hidden;
        this.ffn = ffn;
        this.heads = heads;
        this.headDim = headDim;
        this.tiedOutput = tiedOutput;
    }

    /** The geometry of that name, as {@link #toString} writes it, in upper or lower case. */
    public static Optional<Geometry> named(String name) {
        return Arrays.stream(values()).filter(each -> each.toString().equalsIgnoreCase(name)).findFirst();
    }

    /** All names, for people. */
    public static String names() {
        return Arrays.stream(values()).map(Geometry::toString).collect(Collectors.joining(", "));
    }

    public LlamaConfig config() {
        return new LlamaConfig(layers, hidden, ffn, heads, KV_HEADS, headDim, VOCABULARY, CONTEXT, 1e-5f, 500_000);
    }

    /** Whether the output matrix is the embedding. */
    public boolean tiedOutput() {
        return tiedOutput;
    }

    /** {@code 8b}. */
    @Override
    public String toString() {
        return name().substring("LLAMA_".length()).toLowerCase(Locale.ROOT);
    }
}
