package io.millrace.runtime.weights;

/** What the fields of a model's geometry are called in a format. */
record ConfigKeys(String layers, String hidden, String ffn, String heads, String kvHeads, String headDim,
        String contextLength, String rmsEps) {

    static final ConfigKeys GGUF = new ConfigKeys("llama.block_count", "llama.embedding_length",
            "llama.feed_forward_length", "llama.attention.head_count", "llama.attention.head_count_kv",
            "llama.attention.key_length", "llama.context_length", "llama.attention.layer_norm_rms_epsilon");

    static final ConfigKeys HUGGING_FACE = new ConfigKeys("num_hidden_layers", "hidden_size", "intermediate_size",
            "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings", "rms_norm_eps");

    /** Reads the geometry and checks all that {@link LlamaConfig} promises. */
    LlamaConfig read(ConfigFields fields, int vocabSize, float ropeTheta) {
        int hiddenSize = positive(fields, hidden);
        int headCount = positive(fields, heads);
        int kvHeadCount = fields.has(kvHeads) ? positive(fields, kvHeads) : headCount;
        if (headCount % kvHeadCount != 0) {
            throw fields.error(kvHeads, headCount + " heads are no multiple of " + kvHeadCount + " key-value heads");
        }
        int headSize = headSize(fields, hiddenSize, headCount);
        if (headSize % 2 != 0) {
            throw fields.error(headDim, "head dimension " + headSize + " is odd, so its values cannot rotate in pairs");
        }
        if ((long) headCount * headSize > Integer.MAX_VALUE) {
            throw fields.error(heads, headCount + " heads of " + headSize + " values are too many");
        }
        float eps = fields.number(rmsEps);
        if (!(eps > 0 && eps < 1)) {
            throw fields.error(rmsEps, eps + " is not between 0 and 1");
        }
        return new LlamaConfig(positive(fields, layers), hiddenSize, positive(fields, ffn), headCount, kvHeadCount,
                headSize, vocabSize, positive(fields, contextLength), eps, ropeTheta);
    }

    private int headSize(ConfigFields fields, int hiddenSize, int headCount) {
        if (fields.has(headDim)) {
            return positive(fields, headDim);
        }
        if (hiddenSize % headCount != 0) {
            throw fields.error(headDim, "is missing, and " + hiddenSize + " hidden values are no multiple of "
                    + headCount + " heads");
        }
        return hiddenSize / headCount;
    }

    /** An integer above zero. */
    static int positive(ConfigFields fields, String key) {
        int value = fields.integer(key);
        if (value <= 0) {
            throw fields.error(key, value + " is not above 0");
        }
        return value;
    }

    /** The base of the rotary frequencies. */
    static float theta(ConfigFields fields, String key) {
        float theta = fields.number(key);
        if (!(theta >= 1 && Float.isFinite(theta))) {
            throw fields.error(key, theta + " is not a finite number of at least 1");
        }
        return theta;
    }
}
