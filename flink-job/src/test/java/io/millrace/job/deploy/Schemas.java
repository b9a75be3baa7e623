package io.millrace.job.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/**
 * What the kinds of files under {@code deploy} may hold. The schema of a FlinkDeployment is that of the Flink Kubernetes
 * Operator's own resource definition, with the whole of a pod in it; those of the small rest are written for these tests.
 */
final class Schemas {
    private static final JsonSchemaFactory FACTORY = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V7);

    private Schemas() {}

    /** What is wrong with {@code resource}, a Kubernetes object, by the schema of its kind; nothing when all is well. */
    static List<String> faults(JsonNode resource) throws IOException {
        return faults(schema(resource.path("kind").asText()), resource);
    }

    /** What is wrong with {@code document} by one of the schemas beside this class. */
    static List<String> faults(String schema, JsonNode document) throws IOException {
        return faults(resource(schema), document);
    }

    private static List<String> faults(JsonNode schema, JsonNode document) {
        JsonSchema compiled = FACTORY.getSchema(schema);
        return compiled.validate(document).stream().map(ValidationMessage::getMessage).sorted().toList();
    }

    private static JsonNode schema(String kind) throws IOException {
        return switch (kind) {
            case "FlinkDeployment" -> flinkDeployment();
            case "ConfigMap" -> resource("config-map.json");
            case "PersistentVolumeClaim" -> resource("persistent-volume-claim.json");
            case "PodMonitor" -> resource("pod-monitor.json");
            case "Kustomization" -> resource("kustomization.json");
            default -> throw new AssertionError("kind '" + kind + "': there is no schema for it");
        };
    }

    private static JsonNode resource(String name) throws IOException {
        try (InputStream in = Objects.requireNonNull(Schemas.class.getResourceAsStream(name), name)) {
            return new ObjectMapper().readTree(in);
        }
    }

    private static JsonNode flinkDeployment() throws IOException {
        JsonNode definition;
        try (InputStream in = Objects.requireNonNull(Schemas.class
                .getResourceAsStream("/META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml"))) {
            definition = DeployedFiles.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                    .getFirst();
        }
        ObjectNode schema = (ObjectNode) definition.at("/spec/versions/0/schema/openAPIV3Schema");
        // Every resource has these, so definitions do not say them.
        ObjectNode properties = (ObjectNode) schema.get("properties");
        properties.putObject("apiVersion").put("const", "flink.apache.org/v1beta1");
        properties.putObject("kind").put("const", "FlinkDeployment");
        properties.putObject("metadata").put("type", "object").putObject("properties").putObject("name").put("type",
                "string");
        ((ObjectNode) properties.get("metadata").get("properties")).putObject("namespace").put("type", "string");
        schema.putArray("required").add("apiVersion").add("kind").add("metadata").add("spec");
        // The published artifact is of an operator that knew no Flink 2 yet; 1.16 knows this one.
        ((ArrayNode) properties.at("/spec/properties/flinkVersion/enum")).add("v2_3");
        close(schema);
        return schema;
    }

    /** Kubernetes drops fields that a definition does not have, unless asked to refuse them: here they are faults. */
    private static void close(JsonNode schema) {
        if (schema instanceof ObjectNode object && object.get("properties") instanceof ObjectNode
                && !object.has("additionalProperties")) {
            object.put("additionalProperties", false);
        }
        schema.forEach(Schemas::close);
    }
}
