package io.millrace.runtime.model;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** Recorded outputs of a model, see the README beside them. */
@JsonIgnoreProperties(ignoreUnknown = true)
record GoldenOutputs(@JsonProperty("f32_vs_llamacpp") @Nullable Difference difference, List<Prompt> f32) {

    @JsonIgnoreProperties(ignoreUnknown = true)
    record Difference(@JsonProperty("rms_logprob_diff") double rms) {}

    record Prompt(String name, int[] tokens, List<Position> positions, int[] greedy,
            @JsonProperty("greedy_gap") double[] greedyGap) {

        int[] wanted() {
            return positions.stream().mapToInt(Position::pos).toArray();
        }
    }

    /** The likeliest tokens after {@code tokens[0..pos]}: pairs of token id and natural logarithm. */
    record Position(int pos, double[][] top) {}

    static GoldenOutputs of(String model) throws IOException {
        return new ObjectMapper().readValue(file(model + ".json").toFile(), GoldenOutputs.class);
    }

    static Path file(String name) {
        Path path = Path.of(System.getProperty("millrace.shared", "absent"), "golden", name);
        Assumptions.assumeTrue(Files.exists(path), "the recorded outputs are not here: " + path);
        return path;
    }
}
