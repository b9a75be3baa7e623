package io.millrace.runtime.weights;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** Makes a Llama of a Hugging Face directory: {@code config.json} and safetensors, in one file or sharded. */
final class HuggingFaceModel {
    private static final String CONFIG = "config.json";
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final String TIED = "tie_word_embeddings";
    private static final String ROTARY_BASE = "rope_theta";
    /** A plain file name; a path that leads elsewhere does not match. */
    private static final Pattern SHARD_NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]*\\.safetensors");
    /** What old checkpoints store although the configuration says it. */
    private static final String INVERSE_FREQUENCIES = ".rotary_emb.inv_freq";

    private final Path directory;
    private final JsonFields fields;
    private final List<String> warnings = new ArrayList<>();
    private final List<MappedFile> files = new ArrayList<>();

    private HuggingFaceModel(Path directory) {
        this.directory = directory;
        Path config = directory.resolve(CONFIG);
        if (!Files.isRegularFile(config)) {
            throw new ModelFormatException(directory, CONFIG,
                    "is missing; give a Hugging Face directory with " + CONFIG + " and safetensors, or a GGUF file");
        }
        this.fields = JsonFields.read(config);
    }

    static MappedModel open(Path directory) {
        HuggingFaceModel model = new HuggingFaceModel(directory);
        LlamaConfig config = model.config();
        Arena arena = Arena.ofShared();
        try {
            LlamaTensors tensors = model.tensors(config, arena);
            // Not before the tensors have shown that the head dimension is not just a number in a small file.
            float[] divisors = model.divisors(config);
            return new MappedModel(arena, directory, model.files, model.name(), config, tensors, divisors,
                    RotaryLayout.HALVES, model.warnings);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private String name() {
        return String.valueOf(directory.toAbsolutePath().normalize().getFileName());
    }

    private LlamaConfig config() {
        expect("model_type", fields.string("model_type"), "llama");
        if (fields.has("hidden_act")) {
            expect("hidden_act", fields.string("hidden_act"), "silu");
        }
        for (String bias : List.of("attention_bias", "mlp_bias")) {
            if (fields.isTrue(bias)) {
                throw fields.error(bias, "is true; only models without biases are supported");
            }
        }
        if (fields.has("quantization_config")) {
            throw fields.error("quantization_config", "is not supported; use the unquantized model, or a GGUF file");
        }
        int vocabSize = ConfigKeys.positive(fields, "vocab_size");
        for (String key : List.of("bos_token_id", "eos_token_id")) {
            checkTokens(key, vocabSize);
        }
        return ConfigKeys.HUGGING_FACE.read(fields, vocabSize, ConfigKeys.theta(rotary(), ROTARY_BASE));
    }

    private void expect(String key, String value, String expected) {
        if (!value.equals(expected)) {
            throw fields.error(key, "is " + value + ", only " + expected + " is supported");
        }
    }

    private void checkTokens(String key, int vocabSize) {
        if (fields.has(key)) {
            for (int token : fields.integers(key)) {
                if (token < 0 || token >= vocabSize) {
                    throw fields.error(key, token + " is outside the vocabulary of " + vocabSize);
                }
            }
        }
    }

    /** Where the base of the rotary frequencies is: newer configurations keep it beside their scaling. */
    private JsonFields rotary() {
        return fields.has("rope_parameters") ? fields.object("rope_parameters") : fields;
    }

    private float[] divisors(LlamaConfig config) {
        JsonFields scaling = rotary();
        if (scaling == fields) {
            if (!fields.has("rope_scaling")) {
                return RotaryScaling.none(config.headDim());
            }
            scaling = fields.object("rope_scaling");
        }
        String typeKey = scaling.has("rope_type") ? "rope_type" : "type";
        return switch (scaling.string(typeKey)) {
            case "default" -> RotaryScaling.none(config.headDim());
            case "llama3" -> scaling(scaling).divisors(config.headDim(), config.ropeTheta());
            default -> throw scaling.error(typeKey,
                    "is " + scaling.string(typeKey) + ", only llama3 and default are supported");
        };
    }

    private static RotaryScaling scaling(JsonFields fields) {
        RotaryScaling scaling = new RotaryScaling(fields.number("factor"), fields.number("low_freq_factor"),
                fields.number("high_freq_factor"),
                ConfigKeys.positive(fields, "original_max_position_embeddings"));
        if (!(scaling.factor() >= 1 && Double.isFinite(scaling.factor()))) {
            throw fields.error("factor", scaling.factor() + " is not a finite number of at least 1");
        }
        if (!(scaling.lowFreqFactor() > 0 && scaling.highFreqFactor() > scaling.lowFreqFactor()
                && Double.isFinite(scaling.highFreqFactor()))) {
            throw fields.error("high_freq_factor", scaling.highFreqFactor() + " is not above low_freq_factor, "
                    + scaling.lowFreqFactor() + ", and that above 0");
        }
        return scaling;
    }

    private LlamaTensors tensors(LlamaConfig config, Arena arena) {
        Map<String, Tensor> tensors = read(arena);
        TensorNames names = TensorNames.HUGGING_FACE;
        boolean tied = fields.isTrue(TIED);
        if (tied && tensors.remove(names.output()) != null) {
            warnings.add(names.output() + " is not used, because " + TIED + " is true");
        }
        if (!tied && !tensors.containsKey(names.output())) {
            throw new ModelFormatException(directory, names.output(), "is missing, and " + TIED + " is not true");
        }
        LlamaTensors llama = names.take(directory, config, tensors);
        tensors.keySet().removeIf(name -> name.endsWith(INVERSE_FREQUENCIES));
        for (String name : tensors.keySet()) {
            throw new ModelFormatException(directory, name,
                    "is not a tensor of a Llama with " + config.layers() + " layers");
        }
        return llama;
    }

    private Map<String, Tensor> read(Arena arena) {
        Path single = directory.resolve(SINGLE);
        if (Files.exists(single)) {
            return new HashMap<>(open(single, arena));
        }
        Path index = directory.resolve(INDEX);
        if (!Files.isRegularFile(index)) {
            throw new ModelFormatException(directory, SINGLE, "is missing, and " + INDEX + " too");
        }
        return readShards(JsonFields.read(index).object("weight_map"), arena);
    }

    private Map<String, Tensor> open(Path file, Arena arena) {
        MemorySegment bytes = FileCursor.map(file, 0, FileMapping.TO_END, arena);
        Map<String, Tensor> tensors = SafetensorsFile.parse(file, bytes);
        files.add(new MappedFile(file, bytes, tensors));
        return tensors;
    }

    private Map<String, Tensor> readShards(JsonFields weightMap, Arena arena) {
        Map<String, TreeSet<String>> indexed = new LinkedHashMap<>();
        for (String tensor : weightMap.names()) {
            String shard = weightMap.string(tensor);
            if (!SHARD_NAME.matcher(shard).matches()) {
                throw weightMap.error(tensor, "is not the name of a safetensors file in the directory");
            }
            indexed.computeIfAbsent(shard, name -> new TreeSet<>()).add(tensor);
        }
        Map<String, Tensor> tensors = new HashMap<>();
        indexed.forEach((shard, expected) -> {
            Path file = directory.resolve(shard);
            Map<String, Tensor> found = open(file, arena);
            for (String tensor : expected) {
                if (!found.containsKey(tensor)) {
                    throw new ModelFormatException(file, tensor, "is missing, but " + INDEX + " says it is there");
                }
            }
            for (String tensor : found.keySet()) {
                if (!expected.contains(tensor)) {
                    throw new ModelFormatException(file, tensor, "is there, but " + INDEX + " does not say so");
                }
            }
            tensors.putAll(found);
        });
        return tensors;
    }
}
