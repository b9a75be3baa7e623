package io.millrace.job.overload;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Asks the cluster that runs one job, over Flink's REST interface. */
final class ClusterWatch implements AutoCloseable {
    private final HttpClient client = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();
    private final URI root;
    private final String job;
    private final String vertex;

    /** Checkpoints of the job. */
    record Checkpoints(long completed, long failed) {
        Checkpoints since(Checkpoints before) {
            return new Checkpoints(completed - before.completed, failed - before.failed);
        }
    }

    ClusterWatch(URI root) throws IOException, InterruptedException {
        this.root = root;
        this.job = "/jobs/" + get("/jobs").path("jobs").path(0).path("id").asText();
        String found = "";
        for (JsonNode each : get(job).path("vertices")) {
            found = each.path("name").asText().startsWith("llama") ? each.path("id").asText() : found;
        }
        this.vertex = found;
    }

    /** Since the job started. */
    Checkpoints checkpoints() throws IOException, InterruptedException {
        JsonNode counts = get(job + "/checkpoints").path("counts");
        return new Checkpoints(counts.path("completed").asLong(), counts.path("failed").asLong());
    }

    /** How often the job was started again after a failure. */
    long restarts() throws IOException, InterruptedException {
        return get(job + "/metrics?get=numRestarts").path(0).path("value").asLong();
    }

    /** Prompts that all subtasks have accepted and not answered; as Flink last saw it, some seconds ago. */
    long accepted() throws IOException, InterruptedException {
        return (long) get(job + "/vertices/" + vertex + "/subtasks/metrics?get=llama.num_requests_accepted").path(0)
                .path("sum").asDouble();
    }

    private JsonNode get(String path) throws IOException, InterruptedException {
        HttpResponse<String> response = client.send(HttpRequest.newBuilder(root.resolve(path)).build(),
                HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new IOException(path + ": status " + response.statusCode() + ": " + response.body());
        }
        return json.readTree(response.body());
    }

    @Override
    public void close() {
        client.close();
    }
}
