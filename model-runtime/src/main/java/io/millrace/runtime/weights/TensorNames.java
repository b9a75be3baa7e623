package io.millrace.runtime.weights;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What the tensors of a Llama are called in a format, and their assembly by these names.
 *
 * @param layerPrefix comes before the number of a layer
 */
record TensorNames(String embedding, String outputNorm, String output, String layerPrefix, String attnNorm,
        String query,
        String key, String value, String attnOutput, String ffnNorm, String gate, String up, String down) {

    static final TensorNames GGUF = new TensorNames("token_embd.weight", "output_norm.weight", "output.weight", "blk.",
            ".attn_norm.weight", ".attn_q.weight", ".attn_k.weight", ".attn_v.weight", ".attn_output.weight",
            ".ffn_norm.weight", ".ffn_gate.weight", ".ffn_up.weight", ".ffn_down.weight");

    static final TensorNames HUGGING_FACE = new TensorNames("model.embed_tokens.weight", "model.norm.weight",
            "lm_head.weight", "model.layers.", ".input_layernorm.weight", ".self_attn.q_proj.weight",
            ".self_attn.k_proj.weight", ".self_attn.v_proj.weight", ".self_attn.o_proj.weight",
            ".post_attention_layernorm.weight", ".mlp.gate_proj.weight", ".mlp.up_proj.weight",
            ".mlp.down_proj.weight");

    /**
     * Takes the tensors of a model out of {@code tensors}; what remains there is not part of a Llama.
     *
     * @param file the model, for messages
     * @throws ModelFormatException when a tensor is missing or has not the shape that the geometry wants
     */
    LlamaTensors take(Path file, LlamaConfig config, Map<String, Tensor> tensors) {
        Taker taker = new Taker(file, tensors);
        Tensor embeddings = taker.matrix(embedding, config.vocabSize(), config.hidden());
        List<LayerWeights> layers = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            layers.add(layer(taker, layerPrefix + i, config));
        }
        Tensor norm = taker.vector(outputNorm, config.hidden());
        Tensor outputs = tensors.containsKey(output)
                ? taker.matrix(output, config.vocabSize(), config.hidden())
                : embeddings;
        return new LlamaTensors(embeddings, List.copyOf(layers), norm, outputs);
    }

    private LayerWeights layer(Taker taker, String prefix, LlamaConfig config) {
        int hidden = config.hidden();
        return new LayerWeights(taker.vector(prefix + attnNorm, hidden),
                taker.matrix(prefix + query, config.queryWidth(), hidden),
                taker.matrix(prefix + key, config.kvWidth(), hidden),
                taker.matrix(prefix + value, config.kvWidth(), hidden),
                taker.matrix(prefix + attnOutput, hidden, config.queryWidth()),
                taker.vector(prefix + ffnNorm, hidden), taker.matrix(prefix + gate, config.ffn(), hidden),
                taker.matrix(prefix + up, config.ffn(), hidden), taker.matrix(prefix + down, hidden, config.ffn()));
    }

    private record Taker(Path file, Map<String, Tensor> tensors) {

        Tensor matrix(String name, int rows, int cols) {
            Tensor tensor = tensors.remove(name);
            if (tensor == null) {
                throw new ModelFormatException(file, name, "is missing");
            }
            if (tensor.rows() != rows || tensor.cols() != cols) {
                throw new ModelFormatException(file, name, "has the shape " + tensor.rows() + " x " + tensor.cols()
                        + ", but the configuration wants " + rows + " x " + cols);
            }
            return tensor;
        }

        Tensor vector(String name, int cols) {
            return FloatTensors.toF32(file, matrix(name, 1, cols));
        }
    }
}
