package io.millrace.training.network;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * The parameters of a Llama, named and laid out as the tensors of a GGUF file: a matrix has a row for each output, and the
 * pairs that rotary embedding turns are neighbours. The output matrix is the embedding. Not for several threads.
 */
public final class Parameters {
    /** Large enough that what attention adds does not drown the token itself. */
    private static final double EMBEDDING_DEVIATION = 0.08;

    private final NetworkShape shape;
    private final Parameter embedding;
    private final List<Layer> layers;
    private final Parameter outputNorm;
    private final List<Parameter> all;

    /** The parameters of a decoder block. */
    record Layer(Parameter attnNorm, Parameter query, Parameter key, Parameter value, Parameter attnOutput,
            Parameter ffnNorm, Parameter gate, Parameter up, Parameter down) {

        static Layer of(NetworkShape shape, int number) {
            String prefix = "blk." + number + ".";
            int hidden = shape.hidden();
            return new Layer(norm(prefix + "attn_norm", hidden), matrix(prefix + "attn_q", shape.queryWidth(), hidden),
                    matrix(prefix + "attn_k", shape.kvWidth(), hidden),
                    matrix(prefix + "attn_v", shape.kvWidth(), hidden),
                    matrix(prefix + "attn_output", hidden, shape.queryWidth()), norm(prefix + "ffn_norm", hidden),
                    matrix(prefix + "ffn_gate", shape.ffn(), hidden), matrix(prefix + "ffn_up", shape.ffn(), hidden),
                    matrix(prefix + "ffn_down", hidden, shape.ffn()));
        }

        List<Parameter> all() {
            return List.of(attnNorm, query, key, value, attnOutput, ffnNorm, gate, up, down);
        }

        /** The matrices whose products are added to the residual stream. */
        List<Parameter> residual() {
            return List.of(attnOutput, down);
        }
    }

    private Parameters(NetworkShape shape) {
        this.shape = shape;
        embedding = matrix("token_embd", shape.vocabSize(), shape.hidden());
        outputNorm = norm("output_norm", shape.hidden());
        List<Layer> blocks = new ArrayList<>();
        List<Parameter> parameters = new ArrayList<>(List.of(embedding));
        for (int i = 0; i < shape.layers(); i++) {
            Layer layer = Layer.of(shape, i);
            blocks.add(layer);
            parameters.addAll(layer.all());
        }
        parameters.add(outputNorm);
        layers = List.copyOf(blocks);
        all = List.copyOf(parameters);
    }

    private static Parameter matrix(String name, int rows, int cols) {
        return new Parameter(name + ".weight", rows, cols, true);
    }

    private static Parameter norm(String name, int size) {
        return new Parameter(name + ".weight", 1, size, false);
    }

    /**
     * Parameters to begin with: normal values with a standard deviation of {@code 1 / sqrt(inputs)}, for matrices whose
     * products are added to the residual stream divided by {@code sqrt(2 * layers)} (Radford et al. 2019), 0.08 for the
     * embedding; the gains of norms are 1. The output matrix of attention is the transpose of its value matrix, so that a
     * head begins as one that copies what it looks at (Trockman and Kolter 2023, on mimetic initialisation). Equal seeds
     * give equal values, on every machine.
     */
    public static Parameters random(NetworkShape shape, long seed) {
        Parameters parameters = new Parameters(shape);
        parameters.fill(parameters.embedding, seed, EMBEDDING_DEVIATION);
        for (Layer layer : parameters.layers) {
            for (Parameter parameter : layer.all()) {
                double deviation = 1 / Math.sqrt(parameter.cols());
                parameters.fill(parameter, seed,
                        layer.residual().contains(parameter) ? deviation / Math.sqrt(2.0 * shape.layers()) : deviation);
            }
            parameters.outputsCopyValues(layer);
        }
        parameters.fill(parameters.outputNorm, seed, 1);
        return parameters;
    }

    /** The same with {@linkplain InductionHeads induction heads} in the first two blocks, where there are two. */
    public static Parameters withInductionHeads(NetworkShape shape, long seed) {
        Parameters parameters = random(shape, seed);
        if (shape.layers() > 1) {
            InductionHeads.write(parameters, EMBEDDING_DEVIATION, seed);
        }
        return parameters;
    }

    /** The query heads of a group share the value head, and so begin with the same outputs. */
    private void outputsCopyValues(Layer layer) {
        float[] value = layer.value().values();
        float[] output = layer.attnOutput().values();
        int hidden = shape.hidden();
        int group = shape.heads() / shape.kvHeads() * shape.headDim();
        float scale = (float) (1 / Math.sqrt(2.0 * shape.layers()));
        for (int query = 0; query < shape.queryWidth(); query++) {
            int valueRow = query / group * shape.headDim() + query % shape.headDim();
            for (int i = 0; i < hidden; i++) {
                output[i * shape.queryWidth() + query] = scale * value[valueRow * hidden + i];
            }
        }
    }

    /** The generator of {@link Random} is specified, so its numbers are the same everywhere. */
    private void fill(Parameter parameter, long seed, double deviation) {
        if (!parameter.matrix()) {
            Arrays.fill(parameter.values(), 1);
            return;
        }
        Random random = new Random(seed * 31 + parameter.name().hashCode());
        float[] values = parameter.values();
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextGaussian() * deviation);
        }
    }

    public NetworkShape shape() {
        return shape;
    }

    /** All of them, in a fixed order: the embedding, those of each layer, the last norm. */
    public List<Parameter> all() {
        return all;
    }

    /** The matrices of the blocks, without the embedding. */
    List<Parameter> blockMatrices() {
        return layers.stream().flatMap(layer -> layer.all().stream()).filter(Parameter::matrix).toList();
    }

    /** How many numbers are learned. */
    public long size() {
        return all.stream().mapToLong(parameter -> parameter.values().length).sum();
    }

    Parameter embedding() {
        return embedding;
    }

    List<Layer> layers() {
        return layers;
    }

    Parameter outputNorm() {
        return outputNorm;
    }

    /** Writes the values, in f32; {@link #read} takes them back, bit for bit. */
    public void write(DataOutput out) throws IOException {
        for (Parameter parameter : all) {
            out.writeUTF(parameter.name());
            write(out, parameter.values());
        }
    }

    /**
     * Replaces the values by written ones. After an error the values are not defined.
     *
     * @throws IOException when they are those of another shape
     */
    public void read(DataInput in) throws IOException {
        for (Parameter parameter : all) {
            String name = in.readUTF();
            if (!name.equals(parameter.name())) {
                throw new IOException("found the parameter " + name + " where " + parameter.name()
                        + " was expected: written by a network of another shape than " + shape);
            }
            read(in, parameter.name(), parameter.values());
        }
    }

    static void write(DataOutput out, float[] values) throws IOException {
        out.writeInt(values.length);
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
        bytes.asFloatBuffer().put(values);
        out.write(bytes.array());
    }

    static void read(DataInput in, String name, float[] values) throws IOException {
        int count = in.readInt();
        if (count != values.length) {
            throw new IOException(name + ": found " + count + " values where " + values.length
                    + " were expected: written by a network of another shape");
        }
        byte[] bytes = new byte[values.length * Float.BYTES];
        in.readFully(bytes);
        ByteBuffer.wrap(bytes).asFloatBuffer().get(values);
    }
}
