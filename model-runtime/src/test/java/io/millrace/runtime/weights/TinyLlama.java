package io.millrace.runtime.weights;

import io.millrace.runtime.weights.export.GgufWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The smallest Llama, in every layout that files come in. Its values are 0, 1, 2, ... in every tensor. */
final class TinyLlama {
    static final LlamaConfig CONFIG = new LlamaConfig(2, 8, 12, 2, 1, 4, 6, 64, 1e-5f, 10000f);

    private TinyLlama() {}

    /** A tensor's name and shape; a vector has 0 rows. */
    record Shape(String name, int rows, int cols) {
        int size() {
            return Math.max(1, rows) * cols;
        }
    }

    static List<Shape> shapes(TensorNames names) {
        List<Shape> shapes = new ArrayList<>();
        shapes.add(new Shape(names.embedding(), 6, 8));
        for (int i = 0; i < CONFIG.layers(); i++) {
            String layer = names.layerPrefix() + i;
            shapes.addAll(List.of(new Shape(layer + names.attnNorm(), 0, 8), new Shape(layer + names.query(), 8, 8),
                    new Shape(layer + names.key(), 4, 8), new Shape(layer + names.value(), 4, 8),
                    new Shape(layer + names.attnOutput(), 8, 8), new Shape(layer + names.ffnNorm(), 0, 8),
                    new Shape(layer + names.gate(), 12, 8), new Shape(layer + names.up(), 12, 8),
                    new Shape(layer + names.down(), 8, 12)));
        }
        shapes.add(new Shape(names.outputNorm(), 0, 8));
        shapes.add(new Shape(names.output(), 6, 8));
        return shapes;
    }

    static GgufWriter gguf() {
        return new GgufWriter().string("general.architecture", "llama").uint32("llama.context_length", 64)
                .uint32("llama.embedding_length", 8).uint32("llama.block_count", 2)
                .uint32("llama.feed_forward_length", 12).uint32("llama.attention.head_count", 2)
                .uint32("llama.attention.head_count_kv", 1).float32("llama.rope.freq_base", 10000f)
                .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    }

    static void addTensors(GgufWriter writer, TensorType type, List<Shape> shapes) {
        for (Shape shape : shapes) {
            if (shape.rows() == 0) {
                writer.vector(shape.name(), type, shape.cols(), () -> values(type, shape.size()));
            } else {
                writer.matrix(shape.name(), type, shape.rows(), shape.cols(), () -> values(type, shape.size()));
            }
        }
    }

    static byte[] values(TensorType type, int count) {
        ByteBuffer bytes = ByteBuffer.allocate(count * type.blockBytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            switch (type) {
                case F32 -> bytes.putFloat(i);
                case F16 -> bytes.putShort(Float.floatToFloat16(i));
                case BF16 -> bytes.putShort((short) (Float.floatToRawIntBits(i) >>> 16));
                default -> throw new IllegalArgumentException(type.name());
            }
        }
        return bytes.array();
    }

    /** The fields of {@code config.json}, as JSON texts. */
    static Map<String, String> config() {
        Map<String, String> config = new LinkedHashMap<>();
        config.put("model_type", "\"llama\"");
        config.put("vocab_size", "6");
        config.put("hidden_size", "8");
        config.put("intermediate_size", "12");
        config.put("num_hidden_layers", "2");
        config.put("num_attention_heads", "2");
        config.put("num_key_value_heads", "1");
        config.put("head_dim", "4");
        config.put("max_position_embeddings", "64");
        config.put("rms_norm_eps", "1e-5");
        config.put("rope_theta", "10000.0");
        config.put("tie_word_embeddings", "false");
        return config;
    }

    static void write(Path file, Map<String, String> fields) {
        List<String> members = new ArrayList<>();
        fields.forEach((name, value) -> members.add("\"" + name + "\": " + value));
        write(file, "{" + String.join(", ", members) + "}");
    }

    static void write(Path file, String text) {
        write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    static void write(Path file, byte[] bytes) {
        try {
            Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The JSON header of a safetensors file of these tensors. */
    static String header(String dtype, List<Shape> shapes) {
        List<String> members = new ArrayList<>();
        int offset = 0;
        for (Shape shape : shapes) {
            int end = offset + shape.size() * (dtype.equals("F32") ? 4 : 2);
            members.add("\"%s\":{\"dtype\":\"%s\",\"shape\":[%s%d],\"data_offsets\":[%d,%d]}".formatted(shape.name(),
                    dtype, shape.rows() == 0 ? "" : shape.rows() + ",", shape.cols(), offset, end));
            offset = end;
        }
        return "{\"__metadata__\":{\"format\":\"pt\"}," + String.join(",", members) + "}";
    }

    /** A safetensors file of a header, padded with spaces as the format wants, and the values of these tensors. */
    static byte[] safetensors(String header, TensorType type, List<Shape> shapes) {
        byte[] json = (header + " ".repeat(-header.length() & 7)).getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array());
        out.writeBytes(json);
        shapes.forEach(shape -> out.writeBytes(values(type, shape.size())));
        return out.toByteArray();
    }

    static byte[] safetensors(List<Shape> shapes) {
        return safetensors(header("BF16", shapes), TensorType.BF16, shapes);
    }

    /** A directory whose tensors lie in two shards. */
    static void writeSharded(Path directory) {
        List<Shape> shapes = shapes(TensorNames.HUGGING_FACE);
        write(directory.resolve("config.json"), config());
        List<String> index = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            String shard = "model-0000%d-of-00002.safetensors".formatted(i + 1);
            List<Shape> part = i == 0 ? shapes.subList(0, 9) : shapes.subList(9, shapes.size());
            write(directory.resolve(shard), safetensors(part));
            part.forEach(shape -> index.add("\"" + shape.name() + "\": \"" + shard + "\""));
        }
        write(directory.resolve("model.safetensors.index.json"),
                "{\"metadata\": {}, \"weight_map\": {" + String.join(", ", index) + "}}");
    }

    /** A directory whose tensors lie in one file. */
    static void writeSingle(Path directory) {
        write(directory.resolve("config.json"), config());
        write(directory.resolve("model.safetensors"), safetensors(shapes(TensorNames.HUGGING_FACE)));
    }
}
