package io.millrace.job.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Settings in YAML, nested or with dots: {@code millrace: {model: x}} and {@code millrace.model: x} say the same. */
final class SettingsFile {
    private static final YAMLMapper YAML = new YAMLMapper();

    private SettingsFile() {}

    static Map<String, String> read(Path file) throws IOException {
        JsonNode root;
        try {
            root = YAML.readTree(file.toFile());
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
            throw new InvalidInput(file + ", line " + line + ": no YAML: " + e.getOriginalMessage(), e);
        } catch (FileNotFoundException | NoSuchFileException e) {
            throw new InvalidInput(file + ": no such file (--config)", e);
        }
        Map<String, String> settings = new LinkedHashMap<>();
        if (root.isObject()) {
            flatten(file, "", root, settings);
        } else if (!root.isMissingNode() && !root.isNull()) {
            throw new InvalidInput(file + ": expected settings such as 'millrace.model: model.gguf'");
        }
        return settings;
    }

    private static void flatten(Path file, String prefix, JsonNode node, Map<String, String> settings) {
        node.properties().forEach(field -> {
            String key = prefix + field.getKey();
            JsonNode value = field.getValue();
            if (value.isObject()) {
                flatten(file, key + ".", value, settings);
            } else if (value.isArray()) {
                throw new InvalidInput(file + ": " + key + ": expected one value, found a list");
            } else if (!value.isNull()) {
                settings.put(key, value.asText());
            }
        });
    }
}
