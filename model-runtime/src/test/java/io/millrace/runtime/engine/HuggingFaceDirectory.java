package io.millrace.runtime.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.runtime.tokenizer.SmallTokenizer;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.function.Predicate;

/** A model as a Hugging Face directory, with its tensors in one file or cut into several. */
record HuggingFaceDirectory(Path path) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final int HIDDEN = 32;
    private static final int FFN = 48;
    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;
    private static final int HEAD_DIM = 8;

    private record StoredTensor(String name, String type, int[] shape, byte[] data) {}

    /** Writes a Llama of random weights in F32, in one file. */
    static HuggingFaceDirectory random(Path directory, int layers) throws IOException {
        Files.createDirectories(directory);
        SmallTokenizer.writeJson(directory.resolve("tokenizer.json"));
        int vocabulary = SmallTokenizer.create().vocabularySize();
        JSON.writeValue(directory.resolve("config.json").toFile(),
                JSON.createObjectNode().put("model_type", "llama").put("vocab_size", vocabulary)
                        .put("hidden_size", HIDDEN).put("intermediate_size", FFN).put("num_hidden_layers", layers)
                        .put("num_attention_heads", HEADS).put("num_key_value_heads", KV_HEADS)
                        .put("head_dim", HEAD_DIM).put("max_position_embeddings", 512).put("rms_norm_eps", 1e-5)
                        .put("rope_theta", 10000.0).put("tie_word_embeddings", false));
        SplittableRandom random = new SplittableRandom(3);
        List<StoredTensor> tensors = new ArrayList<>();
        tensors.add(tensor(random, "model.embed_tokens.weight", vocabulary, HIDDEN));
        for (int i = 0; i < layers; i++) {
            String layer = "model.layers." + i;
            tensors.add(tensor(random, layer + ".input_layernorm.weight", HIDDEN));
            tensors.add(tensor(random, layer + ".self_attn.q_proj.weight", HEADS * HEAD_DIM, HIDDEN));
            tensors.add(tensor(random, layer + ".self_attn.k_proj.weight", KV_HEADS * HEAD_DIM, HIDDEN));
            tensors.add(tensor(random, layer + ".self_attn.v_proj.weight", KV_HEADS * HEAD_DIM, HIDDEN));
            tensors.add(tensor(random, layer + ".self_attn.o_proj.weight", HIDDEN, HEADS * HEAD_DIM));
            tensors.add(tensor(random, layer + ".post_attention_layernorm.weight", HIDDEN));
            tensors.add(tensor(random, layer + ".mlp.gate_proj.weight", FFN, HIDDEN));
            tensors.add(tensor(random, layer + ".mlp.up_proj.weight", FFN, HIDDEN));
            tensors.add(tensor(random, layer + ".mlp.down_proj.weight", HIDDEN, FFN));
        }
        tensors.add(tensor(random, "model.norm.weight", HIDDEN));
        tensors.add(tensor(random, "lm_head.weight", vocabulary, HIDDEN));
        write(directory.resolve(SINGLE), tensors);
        return new HuggingFaceDirectory(directory);
    }

    private static StoredTensor tensor(SplittableRandom random, String name, int... shape) {
        ByteBuffer data = ByteBuffer.allocate(Arrays.stream(shape).reduce(Float.BYTES, Math::multiplyExact))
                .order(ByteOrder.LITTLE_ENDIAN);
        while (data.hasRemaining()) {
            data.putFloat((float) random.nextDouble(-0.5, 0.5) + (shape.length == 1 ? 1 : 0));
        }
        return new StoredTensor(name, "F32", shape, data.array());
    }

    /** Writes the same model with its tensors in {@code files} files, cut where it comes, not between layers. */
    HuggingFaceDirectory cut(Path directory, int files) throws IOException {
        Files.createDirectories(directory);
        for (String file : List.of("config.json", "tokenizer.json")) {
            Files.copy(path.resolve(file), directory.resolve(file));
        }
        List<StoredTensor> tensors = new ArrayList<>();
        for (Path file : files(_ -> true)) {
            tensors.addAll(read(file));
        }
        if (files == 1) {
            write(directory.resolve(SINGLE), tensors);
            return new HuggingFaceDirectory(directory);
        }
        ObjectNode index = JSON.createObjectNode();
        index.putObject("metadata");
        ObjectNode names = index.putObject("weight_map");
        for (int i = 0; i < files; i++) {
            String file = "model-%05d-of-%05d.safetensors".formatted(i + 1, files);
            List<StoredTensor> part = tensors.subList(i * tensors.size() / files, (i + 1) * tensors.size() / files);
            write(directory.resolve(file), part);
            part.forEach(tensor -> names.put(tensor.name, file));
        }
        JSON.writeValue(directory.resolve(INDEX).toFile(), index);
        return new HuggingFaceDirectory(directory);
    }

    /** The files in which there is one of these tensors, sorted by name. */
    List<Path> files(Predicate<String> tensors) throws IOException {
        Path index = path.resolve(INDEX);
        if (!Files.exists(index)) {
            return List.of(path.resolve(SINGLE));
        }
        TreeSet<Path> files = new TreeSet<>();
        JSON.readTree(index.toFile()).get("weight_map").properties().forEach(entry -> {
            if (tensors.test(entry.getKey())) {
                files.add(path.resolve(entry.getValue().textValue()));
            }
        });
        return List.copyOf(files);
    }

    private static List<StoredTensor> read(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[Math.toIntExact(bytes.getLong())];
        bytes.get(header);
        int data = bytes.position();
        List<StoredTensor> tensors = new ArrayList<>();
        JSON.readTree(header).properties().forEach(entry -> {
            JsonNode offsets = entry.getValue().get("data_offsets");
            if (offsets != null) { // else it is the file's metadata
                int from = offsets.get(0).intValue();
                byte[] values = new byte[offsets.get(1).intValue() - from];
                bytes.get(data + from, values);
                tensors.add(new StoredTensor(entry.getKey(), entry.getValue().get("dtype").textValue(),
                        JSON.convertValue(entry.getValue().get("shape"), int[].class), values));
            }
        });
        return tensors;
    }

    private static void write(Path file, List<StoredTensor> tensors) throws IOException {
        ObjectNode header = JSON.createObjectNode();
        int offset = 0;
        for (StoredTensor tensor : tensors) {
            ObjectNode fields = header.putObject(tensor.name).put("dtype", tensor.type);
            fields.set("shape", JSON.valueToTree(tensor.shape));
            fields.putArray("data_offsets").add(offset).add(offset + tensor.data.length);
            offset += tensor.data.length;
        }
        byte[] json = JSON.writeValueAsBytes(header);
        int padding = -json.length & 7; // so that the tensors are aligned
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length + padding)
                    .array());
            out.write(json);
            out.write(" ".repeat(padding).getBytes(StandardCharsets.US_ASCII));
            for (StoredTensor tensor : tensors) {
                out.write(tensor.data);
            }
        }
    }
}
