package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
    private static Path model;

    @BeforeAll
    static void writeModel(@TempDir Path directory) throws IOException {
        model = SmallModel.in(directory);
    }

    private static JsonNode inspect(int mebibytes) throws IOException {
        return millrace("inspect", "--model", model, "--json", "--memory", mebibytes).succeeds().json();
    }

    @Test
    void anInterruptedCallEndsInSilence() {
        CommandRun run;
        try {
            Thread.currentThread().interrupt();
            run = millrace("inspect", "--model", model);
        } finally {
            Thread.interrupted();
        }

        assertThat(run.err()).isEmpty();
        assertThat(run.exitCode()).isEqualTo(130);
    }

    @Test
    void jsonHasExactlyTheseFields() throws IOException {
        JsonNode json = inspect(64);

        assertThat(json.fieldNames()).toIterable().containsExactly("name", "fingerprint", "geometry", "parameters",
                "weight_bytes", "tensor_types", "kv_bytes_per_token", "memory_bytes", "context_that_fits", "warnings");
        assertThat(json.get("geometry").toString()).isEqualTo(
                "{\"layers\":2,\"hidden\":64,\"ffn\":128,\"heads\":4,\"kv_heads\":2,\"head_dim\":16,\"vocab_size\":"
                        + json.at("/geometry/vocab_size").asInt()
                        + ",\"context_length\":1024,\"rope_theta\":500000.0,\"rope_scaling\":true,\"tied_output\":false}");
        assertThat(json.get("warnings")).isEmpty();
    }

    @Test
    void sizesAddUp() throws IOException {
        JsonNode json = inspect(64);

        long bytes = 0;
        for (JsonNode type : json.get("tensor_types")) {
            bytes += type.get("bytes").asLong();
        }
        assertThat(json.get("weight_bytes").asLong()).isEqualTo(bytes)
                .isEqualTo(4 * json.get("parameters").asLong())
                .isLessThan(Files.size(model));
        assertThat(json.at("/tensor_types/F32/tensors").asInt()).isEqualTo(2 * 9 + 3);
        // Keys and values of 2 heads of 16 in 2 layers.
        assertThat(json.at("/kv_bytes_per_token/F16").asInt()).isEqualTo(2 * 2 * 16 * 2 * 2);
        assertThat(json.at("/kv_bytes_per_token/F32").asInt()).isEqualTo(2 * 2 * 16 * 2 * 4);
    }

    @Test
    void theContextThatFitsIsBoundByMemoryAndByTheModel() throws IOException {
        JsonNode roomy = inspect(64);
        JsonNode tight = inspect(1);

        assertThat(roomy.at("/context_that_fits/F16").asInt()).isEqualTo(1024);
        long left = (1 << 20) - tight.get("weight_bytes").asLong();
        assertThat(left).as("the weights leave some of the memory").isPositive();
        assertThat(tight.at("/context_that_fits/F32").asLong()).isEqualTo(left / (16 * 512) * 16);
    }

    @Test
    void textTellsTheSame() throws IOException {
        String text = millrace("inspect", "--model", model, "--memory", 64).succeeds().out();

        assertThat(text).contains(inspect(64).get("name").asText(), inspect(64).get("fingerprint").asText(),
                "2 layers", "4 heads (2 kv)", "context 1024", "llama3 scaling", "F32", "1024 tokens fit in 64.0 MiB");
    }

    @Test
    void noMemoryAtAllIsRefused() {
        millrace("inspect", "--model", model, "--memory", 0).isRefused("--memory: 0 is not 1 or more");
    }
}
