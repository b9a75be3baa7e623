package io.millrace.job.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.yaml.snakeyaml.Yaml;

/** The project's files, read from a module's directory, which is where Surefire runs. */
public final class DeployedFiles {
    static final Path PROJECT = Path.of("..");
    static final Path DEPLOY = PROJECT.resolve("deploy");

    private static final YAMLMapper YAML = new YAMLMapper();
    private static final ObjectMapper JSON = new ObjectMapper();

    private DeployedFiles() {}

    /** A file of {@code deploy}. */
    public static String text(String name) throws IOException {
        return Files.readString(DEPLOY.resolve(name));
    }

    /** The documents of a YAML file under {@code deploy}. */
    static List<JsonNode> documents(String name) throws IOException {
        return parse(text(name));
    }

    /** The documents of a YAML text. */
    public static List<JsonNode> parse(String yaml) throws IOException {
        try (MappingIterator<JsonNode> documents = YAML.readerFor(JsonNode.class).readValues(yaml)) {
            return documents.readAll();
        }
    }

    /** The one document of a YAML or JSON file under {@code deploy}; YAML's anchors and merge keys are resolved. */
    public static JsonNode document(String name) throws IOException {
        return JSON.valueToTree(new Yaml().load(text(name)));
    }

    /** Names of the files under {@code deploy} with one of the endings. */
    public static List<String> names(String... endings) throws IOException {
        try (Stream<Path> files = Files.walk(DEPLOY)) {
            return files.filter(Files::isRegularFile).filter(file -> !file.startsWith(DEPLOY.resolve("models")))
                    .map(file -> DEPLOY.relativize(file).toString())
                    .filter(name -> Stream.of(endings).anyMatch(name::endsWith)).sorted().toList();
        }
    }

    /** The folder of an absolute path. */
    static String folder(String path) {
        return path.substring(0, path.lastIndexOf('/'));
    }

    /** The name of a path's file. */
    static String file(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** The strings of an array. */
    public static List<String> strings(JsonNode array) {
        return array.valueStream().map(JsonNode::asText).toList();
    }
}
