package io.millrace.job.cli;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelSummary;
import io.millrace.runtime.weights.TensorType;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** What {@code millrace inspect} tells; the names are those of its JSON. */
record ModelReport(
        @JsonProperty("name") String name,
        @JsonProperty("fingerprint") String fingerprint,
        @JsonProperty("geometry") Geometry geometry,
        @JsonProperty("parameters") long parameters,
        @JsonProperty("weight_bytes") long weightBytes,
        @JsonProperty("tensor_types") Map<TensorType, TypeShare> tensorTypes,
        @JsonProperty("kv_bytes_per_token") Map<KvType, Long> kvBytesPerToken,
        @JsonProperty("memory_bytes") long memoryBytes,
        @JsonProperty("context_that_fits") Map<KvType, Long> contextThatFits,
        @JsonProperty("warnings") List<String> warnings) {

    record Geometry(
            @JsonProperty("layers") int layers,
            @JsonProperty("hidden") int hidden,
            @JsonProperty("ffn") int ffn,
            @JsonProperty("heads") int heads,
            @JsonProperty("kv_heads") int kvHeads,
            @JsonProperty("head_dim") int headDim,
            @JsonProperty("vocab_size") int vocabSize,
            @JsonProperty("context_length") int contextLength,
            @JsonProperty("rope_theta") float ropeTheta,
            @JsonProperty("rope_scaling") boolean ropeScaling,
            @JsonProperty("tied_output") boolean tiedOutput) {}

    record TypeShare(@JsonProperty("tensors") int tensors, @JsonProperty("bytes") long bytes) {}

    /** @param memoryBytes what weights and KV cache may take together */
    static ModelReport of(LlamaWeights weights, long memoryBytes) {
        LlamaConfig c = weights.config();
        boolean tied = weights.output().equals(weights.embedding());
        ModelSummary summary = ModelSummary.of(weights);
        Map<TensorType, TypeShare> types = new EnumMap<>(TensorType.class);
        summary.types().forEach(share -> types.put(share.type(), new TypeShare(share.tensors(), share.bytes())));
        Map<KvType, Long> perToken = new EnumMap<>(KvType.class);
        Map<KvType, Long> fits = new EnumMap<>(KvType.class);
        for (KvType type : KvType.values()) {
            KvLayout layout = KvLayout.of(c, type);
            long blocks = Math.max(0, memoryBytes - summary.bytes()) / layout.blockBytes();
            perToken.put(type, layout.positionBytes());
            fits.put(type, Math.min(c.contextLength(), blocks * KvLayout.BLOCK_POSITIONS));
        }
        List<String> warnings = new ArrayList<>(weights.warnings());
        if (summary.bytes() > memoryBytes) {
            warnings.add("the weights alone need more than the memory given");
        }
        boolean scaled = false;
        for (float divisor : weights.ropeDivisors()) {
            scaled |= divisor != 1;
        }
        Geometry geometry = new Geometry(c.layers(), c.hidden(), c.ffn(), c.heads(), c.kvHeads(), c.headDim(),
                c.vocabSize(), c.contextLength(), c.ropeTheta(), scaled, tied);
        return new ModelReport(weights.name(), weights.fingerprint(), geometry, summary.parameters(),
                summary.bytes(), types, perToken,
                memoryBytes, fits, warnings);
    }
}
