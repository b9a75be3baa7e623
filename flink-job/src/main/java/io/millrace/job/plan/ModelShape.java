package io.millrace.job.plan;

import io.millrace.job.plan.Quantization.Role;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerWeights;
import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelOutline;
import io.millrace.runtime.weights.Tensor;
import io.millrace.runtime.weights.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The sizes and types of all matrices of a model, without its weights.
 *
 * @param name what the model is called
 * @param quantization for people: how its matrices are stored
 * @param layers the matrices of each layer, norms left out
 * @param output the same as the embedding when {@code tiedOutput}
 */
public record ModelShape(String name, String quantization, LlamaConfig config, WeightMatrix embedding,
        List<List<WeightMatrix>> layers, WeightMatrix output, boolean tiedOutput) {

    public ModelShape {
        layers = List.copyOf(layers);
    }

    /** A model that is not there. */
    public static ModelShape of(Geometry geometry, Quantization quantization) {
        LlamaConfig c = geometry.config();
        List<List<WeightMatrix>> layers = IntStream.range(0, c.layers()).mapToObj(layer -> {
            TensorType base = quantization.matrix(Role.OTHER, layer, c);
            return List.of(new WeightMatrix(base, c.queryWidth(), c.hidden()),
                    new WeightMatrix(base, c.kvWidth(), c.hidden()),
                    new WeightMatrix(quantization.matrix(Role.VALUE, layer, c), c.kvWidth(), c.hidden()),
                    new WeightMatrix(base, c.hidden(), c.queryWidth()), new WeightMatrix(base, c.ffn(), c.hidden()),
                    new WeightMatrix(base, c.ffn(), c.hidden()),
                    new WeightMatrix(quantization.matrix(Role.DOWN, layer, c), c.hidden(), c.ffn()));
        }).toList();
        return new ModelShape(geometry.toString(), quantization.describe(), c,
                new WeightMatrix(quantization.embedding(geometry.tiedOutput()), c.vocabSize(), c.hidden()), layers,
                new WeightMatrix(quantization.output(), c.vocabSize(), c.hidden()), geometry.tiedOutput());
    }

    /** A model whose files are there. */
    public static ModelShape of(LlamaWeights weights) {
        List<List<WeightMatrix>> layers = weights.layers().stream()
                .map(layer -> matrices(layer).map(WeightMatrix::of).toList()).toList();
        List<TensorType> types = layers.stream().flatMap(List::stream).map(WeightMatrix::type).distinct().sorted()
                .toList();
        return new ModelShape(weights.name(), String.join(" and ", types.stream().map(TensorType::toString).toList()),
                weights.config(), WeightMatrix.of(weights.embedding()), layers, WeightMatrix.of(weights.output()),
                weights.output().equals(weights.embedding()));
    }

    private static Stream<Tensor> matrices(LayerWeights layer) {
        return Stream.of(layer.query(), layer.key(), layer.value(), layer.attnOutput(), layer.gate(), layer.up(),
                layer.down());
    }

    /** What {@link io.millrace.runtime.weights.LayerSplit#balanced} shares out: sizes in the file. */
    public ModelOutline outline() {
        List<Long> layerBytes = new ArrayList<>();
        for (List<WeightMatrix> layer : layers) {
            layerBytes.add(layerNormBytes() + layer.stream().mapToLong(WeightMatrix::fileBytes).sum());
        }
        return new ModelOutline(name, config, embedding.fileBytes(), layerBytes,
                outputNormBytes() + output.fileBytes());
    }

    /** What a shard multiplies with. */
    Stream<WeightMatrix> matrices(LayerRange range) {
        Stream<WeightMatrix> inLayers = layers.subList(range.first(), range.end()).stream().flatMap(List::stream);
        return range.classifies(config) ? Stream.concat(inLayers, Stream.of(output)) : inLayers;
    }

    /** Bytes of the norms of a layer, which are f32. */
    long layerNormBytes() {
        return 2L * config.hidden() * Float.BYTES;
    }

    /** Bytes of the norm before the output matrix. */
    long outputNormBytes() {
        return (long) config.hidden() * Float.BYTES;
    }
}
