package io.millrace.job.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.job.cli.ClusterMain;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The compose file, and the monitoring that it mounts. */
class ComposeTest {
    private static final String FILE = "docker-compose.yaml";

    private static JsonNode compose() throws IOException {
        return DeployedFiles.document(FILE);
    }

    private static List<String> services() throws IOException {
        return names(compose().get("services"));
    }

    private static List<String> names(JsonNode object) {
        return object.propertyStream().map(Map.Entry::getKey).toList();
    }

    private static List<String> mounts(String service) throws IOException {
        JsonNode volumes = compose().at("/services/" + service + "/volumes");
        return volumes.isMissingNode() ? List.of() : DeployedFiles.strings(volumes);
    }

    @Test
    void itIsAComposeFile() throws IOException {
        assertThat(Schemas.faults("compose.json", compose())).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"/services/kafka,comand,x,is not defined in the schema",
            "/services/kafka,restart,sometimes,enumeration",
            "/services/kafka/healthcheck,interval,often,does not match",
            "/services/grafana,ports,3000:3000,array expected",
            "/services/taskmanager/deploy,replicas,many,integer expected"})
    void aMistakeIsFound(String place, String field, String value, String fault) throws IOException {
        JsonNode mistaken = compose();
        ((ObjectNode) mistaken.at(place)).put(field, value);
        assertThat(Schemas.faults("compose.json", mistaken)).hasSize(1).first().asString()
                .contains(fault);
    }

    @Test
    void whatIsMountedIsThere() throws IOException {
        List<String> volumes = names(compose().get("volumes"));
        for (String service : services()) {
            for (String mount : mounts(service)) {
                String source = mount.substring(0, mount.indexOf(':'));
                if (source.startsWith("./")) {
                    assertThat(DeployedFiles.DEPLOY.resolve(source)).as(service).exists();
                } else {
                    assertThat(volumes).as(service).contains(source);
                }
            }
        }
        Path context = DeployedFiles.DEPLOY.resolve(compose().at("/services/jobmanager/build/context").asText());
        assertThat(context.resolve(compose().at("/services/jobmanager/build/dockerfile").asText())).exists();
    }

    @Test
    void whatAServiceWaitsForIsAService() throws IOException {
        for (JsonNode service : compose().get("services")) {
            JsonNode waitsFor = service.path("depends_on");
            assertThat(Stream.concat(names(waitsFor).stream(), DeployedFiles.strings(waitsFor).stream())
                    .filter(name -> !name.isEmpty()).filter(name -> !name.startsWith("service_")).toList())
                    .isSubsetOf(services());
        }
    }

    @Test
    void theJobManagerRunsTheJobOnTheModelAndTheCacheThatAreMounted() throws IOException {
        List<String> command = DeployedFiles.strings(compose().at("/services/jobmanager/command"));
        assertThat(command).startsWith("standalone-job", "--job-classname", ClusterMain.class.getName());
        assertThat(mounts("taskmanager")).isEqualTo(mounts("jobmanager"))
                .contains("." + DeployedFiles.folder(argument("--model")) + ":/models:ro")
                .contains("weights:" + argument("--weights-cache-dir"));
        URI kafka = URI.create("kafka://" + argument("--bootstrap-servers"));
        assertThat(services()).contains(kafka.getHost());
        assertThat(compose().at("/services/kafka/environment/KAFKA_LISTENERS").asText())
                .contains("//0.0.0.0:" + kafka.getPort());
    }

    private static String argument(String flag) throws IOException {
        return DeployedFiles.strings(compose().at("/services/jobmanager/command")).stream()
                .filter(each -> each.startsWith(flag + "=")).map(each -> each.substring(flag.length() + 1)).findFirst()
                .orElseThrow();
    }

    @Test
    void thereIsASlotForEveryShard() throws IOException {
        int slots = compose().at("/services/taskmanager/deploy/replicas").asInt()
                * Integer.parseInt(ImageTest.settings().get("taskmanager.numberOfTaskSlots"));
        assertThat(slots).isEqualTo(Integer.parseInt(argument("--shards")));
    }

    @Test
    void stateIsKeptOnItsVolume() throws IOException {
        assertThat(mounts("taskmanager")).contains("state:/state");
        assertThat(ImageTest.settings().get("execution.checkpointing.dir")).startsWith("file:///state/");
        assertThat(ImageTest.settings().get("execution.checkpointing.savepoint-dir")).startsWith("file:///state/");
    }

    @Test
    void prometheusScrapesTheReporterOfEveryFlinkService() throws IOException {
        JsonNode discovery = DeployedFiles.document("prometheus/prometheus.yml")
                .at("/scrape_configs/0/dns_sd_configs/0");
        assertThat(DeployedFiles.strings(discovery.get("names"))).containsExactly("jobmanager", "taskmanager")
                .isSubsetOf(services());
        assertThat(discovery.get("port").asText()).isEqualTo(ImageTest.settings().get("metrics.reporter.prom.port"));
        assertThat(discovery.get("type").asText()).isEqualTo("A");
    }

    @Test
    void grafanaFindsPrometheusAndTheDashboard() throws IOException {
        URI prometheus = URI.create(DeployedFiles.document("grafana/provisioning/datasources/prometheus.yaml")
                .at("/datasources/0/url").asText());
        assertThat(services()).contains(prometheus.getHost());
        assertThat(compose().at("/services/prometheus/ports/0").asText()).endsWith(":" + prometheus.getPort());
        String folder = DeployedFiles.document("grafana/provisioning/dashboards/millrace.yaml")
                .at("/providers/0/options/path").asText();
        assertThat(mounts("grafana")).contains("./grafana/millrace.json:" + folder + "/millrace.json:ro",
                "./grafana/provisioning:/etc/grafana/provisioning:ro");
    }
}
