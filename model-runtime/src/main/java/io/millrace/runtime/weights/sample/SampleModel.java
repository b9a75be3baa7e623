package io.millrace.runtime.weights.sample;

import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.runtime.weights.RotaryScaling;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.export.GgufWriter;
import io.millrace.runtime.weights.export.TensorEncoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A small Llama of seeded random weights as a GGUF file: real in every respect but that it was never trained, so its
 * answers are random words. Equal options give equal bytes, on every machine.
 */
public final class SampleModel {
    private static final float ROPE_THETA = 500000f;
    private static final float RMS_EPS = 1e-5f;

    private final Options options;
    private final LearnedVocabulary vocabulary;
    private final GgufWriter writer = new GgufWriter();

    /**
     * What to write.
     *
     * @param seed of the weights
     * @param type of all matrices; the block types want row lengths that are multiples of their block
     * @param tied whether the output matrix is the embedding
     * @param ropeScaling whether the rotary frequencies are scaled as those of Llama 3.1
     */
    public record Options(long seed, int layers, int hidden, int ffn, int heads, int kvHeads, int headDim,
            int contextLength, TensorType type, boolean tied, boolean ropeScaling) {

        public Options {
            for (int size : new int[]{layers, hidden, ffn, heads, kvHeads, headDim, contextLength}) {
                if (size <= 0) {
                    throw new IllegalArgumentException("geometry: every size must be above 0, not " + size);
                }
            }
            if (heads % kvHeads != 0 || headDim % 2 != 0) {
                throw new IllegalArgumentException("geometry: heads (" + heads + ") must be a multiple of kvHeads ("
                        + kvHeads + ") and headDim (" + headDim + ") even");
            }
            for (int cols : new int[]{hidden, ffn, heads * headDim}) {
                if (cols % type.blockSize() != 0) {
                    throw new IllegalArgumentException("type: " + type + " wants hidden, ffn and heads * headDim to be"
                            + " multiples of " + type.blockSize() + ", not " + cols);
                }
            }
        }

        /** Four layers of width 128 in Q8_0, about 2 MB, for 8192 positions, with rotary scaling. */
        public static Options defaults() {
            return new Options(1, 4, 128, 768, 8, 2, 32, 8192, TensorType.Q8_0, false, true);
        }

        public Options withSeed(long newSeed) {
            return new Options(newSeed, layers, hidden, ffn, heads, kvHeads, headDim, contextLength, type, tied,
                    ropeScaling);
        }

        public Options withGeometry(int newLayers, int newHidden, int newFfn, int newHeads, int newKvHeads,
                int newHeadDim) {
            return new Options(seed, newLayers, newHidden, newFfn, newHeads, newKvHeads, newHeadDim, contextLength,
                    type, tied, ropeScaling);
        }

        public Options withContextLength(int newContextLength) {
            return new Options(seed, layers, hidden, ffn, heads, kvHeads, headDim, newContextLength, type, tied,
                    ropeScaling);
        }

        public Options withType(TensorType newType) {
            return new Options(seed, layers, hidden, ffn, heads, kvHeads, headDim, contextLength, newType, tied,
                    ropeScaling);
        }

        public Options withTied(boolean newTied) {
            return new Options(seed, layers, hidden, ffn, heads, kvHeads, headDim, contextLength, type, newTied,
                    ropeScaling);
        }

        public Options withRopeScaling(boolean newRopeScaling) {
            return new Options(seed, layers, hidden, ffn, heads, kvHeads, headDim, contextLength, type, tied,
                    newRopeScaling);
        }
    }

    private SampleModel(Options options) {
        this.options = options;
        this.vocabulary = SampleVocabulary.learn();
    }

    /**
     * Writes the model.
     *
     * @param out the file, replaced when it is there; its directory must exist
     * @throws IOException when it cannot be written
     */
    public static void write(Path out, Options options) throws IOException {
        SampleModel model = new SampleModel(options);
        model.addMetadata();
        model.writer.tokenizer(model.vocabulary);
        model.addTensors();
        model.writer.write(out);
    }

    private void addMetadata() {
        writer.string("general.architecture", "llama").string("general.type", "model")
                .string("general.name", "millrace-sample-untrained-seed" + options.seed)
                .fileType(options.type).uint32("general.quantization_version", 2)
                .uint32("general.alignment", 32).uint32("llama.vocab_size", vocabulary.tokens().size())
                .uint32("llama.context_length", options.contextLength)
                .uint32("llama.embedding_length", options.hidden).uint32("llama.block_count", options.layers)
                .uint32("llama.feed_forward_length", options.ffn).uint32("llama.attention.head_count", options.heads)
                .uint32("llama.attention.head_count_kv", options.kvHeads)
                .uint32("llama.attention.key_length", options.headDim)
                .uint32("llama.attention.value_length", options.headDim)
                .uint32("llama.rope.dimension_count", options.headDim).float32("llama.rope.freq_base", ROPE_THETA)
                .float32("llama.attention.layer_norm_rms_epsilon", RMS_EPS);
    }

    private void addTensors() {
        int hidden = options.hidden;
        int queryWidth = options.heads * options.headDim;
        int kvWidth = options.kvHeads * options.headDim;
        int vocabSize = vocabulary.tokens().size();
        if (options.ropeScaling) {
            float[] divisors = RotaryScaling.LLAMA_3_1.divisors(options.headDim, ROPE_THETA);
            writer.vector("rope_freqs.weight", TensorType.F32, divisors.length,
                    () -> TensorEncoder.encode(TensorType.F32, divisors));
        }
        matrix("token_embd.weight", vocabSize, hidden, 3);
        for (int i = 0; i < options.layers; i++) {
            String layer = "blk." + i + ".";
            norm(layer + "attn_norm.weight");
            matrix(layer + "attn_q.weight", queryWidth, hidden, 2); // sharper attention
            matrix(layer + "attn_k.weight", kvWidth, hidden, 1);
            matrix(layer + "attn_v.weight", kvWidth, hidden, 1);
            matrix(layer + "attn_output.weight", hidden, queryWidth, 1);
            norm(layer + "ffn_norm.weight");
            matrix(layer + "ffn_gate.weight", options.ffn, hidden, 1);
            matrix(layer + "ffn_up.weight", options.ffn, hidden, 1);
            matrix(layer + "ffn_down.weight", hidden, options.ffn, 1);
        }
        norm("output_norm.weight");
        if (!options.tied) {
            writer.matrix("output.weight", options.type, vocabSize, hidden, this::output);
        }
    }

    private void norm(String name) {
        writer.vector(name, TensorType.F32, options.hidden, () -> {
            float[] values = new RandomWeights(options.seed, name).next(options.hidden, 0.1f);
            for (int i = 0; i < values.length; i++) {
                values[i] += 1;
            }
            return TensorEncoder.encode(TensorType.F32, values);
        });
    }

    private void matrix(String name, int rows, int cols, float gain) {
        writer.matrix(name, options.type, rows, cols,
                () -> TensorEncoder.encode(options.type, random(name, rows, cols, gain)));
    }

    private float[] random(String name, int rows, int cols, float gain) {
        return new RandomWeights(options.seed, name).next(Math.multiplyExact(rows, cols),
                gain / (float) Math.sqrt(cols));
    }

    /**
     * The output matrix. The rows of single bytes and of special tokens other than the end of a turn are zero: against the
     * random logits of about +-3 of the others they are hardly ever drawn, so that answers are words.
     */
    private byte[] output() {
        float[] values = random("output.weight", vocabulary.tokens().size(), options.hidden, 3);
        for (int token = 0; token < vocabulary.tokens().size(); token++) {
            boolean special = token >= vocabulary.firstSpecial() && token != vocabulary.endOfTurn();
            if (token < LearnedVocabulary.BYTES || special) {
                Arrays.fill(values, token * options.hidden, (token + 1) * options.hidden, 0);
            }
        }
        return TensorEncoder.encode(options.type, values);
    }
}
