package io.millrace.job.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.job.cli.ClusterMain;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The resources for Kubernetes: by the schemas of their kinds, by Flink, and against one another and the job. */
class KubernetesTest {
    private static final String BASE = "kubernetes/base/flinkdeployment.yaml";
    private static final String MAIN_CONTAINER = "flink-main-container";

    private static JsonNode base() throws IOException {
        return DeployedFiles.document(BASE);
    }

    /** What `kubectl apply -k` would apply. */
    private static List<JsonNode> render(String folder) throws IOException, InterruptedException {
        Path error = Files.createTempFile("kustomize", ".txt");
        try {
            Process kubectl = new ProcessBuilder("kubectl", "kustomize",
                    DeployedFiles.DEPLOY.resolve(folder).toString())
                    .redirectError(error.toFile()).start();
            String yaml = new String(kubectl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(kubectl.waitFor(1, TimeUnit.MINUTES)).isTrue();
            assertThat(kubectl.exitValue()).as(Files.readString(error)).isZero();
            return DeployedFiles.parse(yaml);
        } finally {
            Files.delete(error);
        }
    }

    private static void assumeKubectl() {
        boolean there = Stream.of(Pattern.compile(":").split(System.getenv("PATH")))
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, "kubectl")));
        assumeTrue(there, "kubectl is not here to render overlays");
    }

    private static JsonNode deployment(List<JsonNode> resources) {
        return resources.stream().filter(each -> each.path("kind").asText().equals("FlinkDeployment")).findFirst()
                .orElseThrow();
    }

    private static Map<String, String> settings(JsonNode deployment) {
        Map<String, String> settings = deployment.at("/spec/flinkConfiguration").propertyStream()
                .collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue().asText()));
        settings.put("taskmanager.memory.process.size", deployment.at("/spec/taskManager/resource/memory").asText());
        return settings;
    }

    private static String argument(JsonNode deployment, String flag) {
        return DeployedFiles.strings(deployment.at("/spec/job/args")).stream()
                .filter(argument -> argument.startsWith(flag + "="))
                .map(argument -> argument.substring(flag.length() + 1))
                .findFirst().orElseThrow(() -> new AssertionError(flag));
    }

    // -------------------------------------------------------------------------------------------------- schemas

    @Test
    void everyResourceIsAsItsKindIsDefined() throws IOException {
        List<String> names = DeployedFiles.names(".yaml").stream().filter(name -> name.startsWith("kubernetes/"))
                .toList();
        assertThat(names).contains(BASE);
        for (String name : names) {
            for (JsonNode resource : DeployedFiles.documents(name)) {
                assertThat(Schemas.faults(resource)).as(name).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"kubernetes/base", "kubernetes/overlays/shards-2"})
    void whatKustomizeMakesOfThemIsSoToo(String folder) throws IOException, InterruptedException {
        assumeKubectl();
        List<JsonNode> resources = render(folder);
        assertThat(resources).hasSize(3);
        for (JsonNode resource : resources) {
            assertThat(Schemas.faults(resource)).as(resource.at("/metadata/name").asText()).isEmpty();
            assertThat(resource.at("/metadata/namespace").asText()).isEqualTo("millrace");
        }
        FlinkKeys.assertSound(settings(deployment(resources)));
        FlinkKeys.assertRoomFor(settings(deployment(resources)),
                MemorySize.parse(argument(deployment(resources), "--kv-memory")));
    }

    /** The schemas find mistakes: otherwise they would say nothing of the files. */
    @ParameterizedTest
    @CsvSource(quoteCharacter = '"', textBlock = """
            /spec,flinkVersion,v2_9,"$.spec.flinkVersion: does not have a value in the enumeration"
            /spec,flinkVersions,v2_3,"$.spec: property 'flinkVersions' is not defined in the schema"
            /spec/job,upgradeMode,savepoints,"$.spec.job.upgradeMode: does not have a value in the enumeration"
            /spec/job,jarUri,local:///job.jar,"$.spec.job: property 'jarUri' is not defined in the schema"
            /spec/job,parallelism,one,"$.spec.job.parallelism: string found, integer expected"
            /spec/taskManager/resource,cpu,much,"$.spec.taskManager.resource.cpu: string found, number expected"
            /spec/taskManager/podTemplate/spec/initContainers/0,args,a,"string found, array expected"
            /spec/taskManager/podTemplate/spec/volumes/0,persistentVolume,a,"property 'persistentVolume' is not defined"
            """)
    void aFieldThatTheOperatorDoesNotKnowIsFound(String place, String field, String value, String fault)
            throws IOException {
        JsonNode mistaken = base();
        ((ObjectNode) mistaken.at(place)).put(field, value);
        assertThat(Schemas.faults(mistaken)).hasSize(1).first().asString().contains(fault);
    }

    @Test
    void kustomizationsNameFilesThatAreThere() throws IOException {
        List<String> names = DeployedFiles.names("kustomization.yaml");
        assertThat(names).hasSize(2);
        for (String name : names) {
            Path folder = DeployedFiles.DEPLOY.resolve(DeployedFiles.folder(name));
            for (String resource : DeployedFiles.strings(DeployedFiles.document(name).get("resources"))) {
                assertThat(folder.resolve(resource)).as(name).exists();
            }
        }
    }

    // ----------------------------------------------------------------------------------------------------- Flink

    @Test
    void flinkKnowsEverySettingAndTheMemoryAddsUp() throws IOException {
        FlinkKeys.assertSound(settings(base()));
        FlinkKeys.assertRoomFor(settings(base()), MemorySize.parse(argument(base(), "--kv-memory")));
    }

    @Test
    void jobManagersAreReplacedAndStateIsKeptWithoutThem() throws IOException {
        assertThat(settings(base())).containsEntry("high-availability.type", "kubernetes");
        assertThat(settings(base()).get("high-availability.storageDir")).startsWith("s3://");
        assertThat(settings(base()).get("execution.checkpointing.dir")).startsWith("s3://");
        assertThat(settings(base()).get("execution.checkpointing.savepoint-dir")).startsWith("s3://");
        assertThat(base().at("/spec/job/upgradeMode").asText()).isEqualTo("savepoint");
    }

    @Test
    void theJvmGetsTheFlagsOfTheBuild() throws IOException {
        assertThat(settings(base())).containsEntry("env.java.opts.all", ImageTest.jvmFlags());
    }

    @Test
    void theObjectStorePluginIsOfTheFlinkThatTheJobIsBuiltWith() throws IOException {
        assertThat(mainContainer(base().at("/spec/podTemplate")).at("/env/0/value").asText())
                .isEqualTo("flink-s3-fs-presto-" + EnvironmentInformation.getVersion() + ".jar");
        assertThat(base().at("/spec/flinkVersion").asText())
                .isEqualTo("v" + EnvironmentInformation.getVersion().replaceFirst("\\.\\d+$", "").replace('.', '_'));
    }

    @Test
    void theJobIsTheOneInTheImage() throws IOException {
        assertThat(base().at("/spec/job/jarURI").asText()).isEqualTo("local://" + ImageTest.jarInTheImage());
        assertThat(base().at("/spec/job/entryClass").asText()).isEqualTo(ClusterMain.class.getName());
    }

    // ------------------------------------------------------------------------------------------------ references

    private static JsonNode mainContainer(JsonNode podTemplate) {
        return podTemplate.at("/spec/containers").valueStream()
                .filter(each -> each.path("name").asText().equals(MAIN_CONTAINER)).findFirst().orElseThrow();
    }

    private static List<String> names(JsonNode array) {
        return array.valueStream().map(each -> each.path("name").asText()).toList();
    }

    @Test
    void everyVolumeIsDeclaredAndEveryDeclaredOneIsMounted() throws IOException {
        JsonNode pod = base().at("/spec/taskManager/podTemplate");
        List<String> mounted = new ArrayList<>(names(mainContainer(pod).get("volumeMounts")));
        mounted.addAll(names(pod.at("/spec/initContainers/0/volumeMounts")));
        assertThat(mounted).isSubsetOf(names(pod.at("/spec/volumes")));
        assertThat(names(pod.at("/spec/volumes"))).isSubsetOf(mounted);
    }

    @Test
    void claimsConfigMapsAndTheirKeysAreThere() throws IOException {
        List<JsonNode> resources = DeployedFiles.documents("kubernetes/base/model.yaml");
        assertThat(resources).extracting(each -> each.path("kind").asText()).containsExactly("ConfigMap",
                "PersistentVolumeClaim");
        JsonNode map = resources.get(0);
        JsonNode claim = resources.get(1);
        JsonNode pod = base().at("/spec/taskManager/podTemplate/spec");
        assertThat(pod.findValuesAsText("claimName"))
                .containsExactly(claim.at("/metadata/name").asText());
        assertThat(pod.findValue("configMap").path("name")).isEqualTo(map.at("/metadata/name"));
        JsonNode key = pod.findValue("configMapKeyRef");
        assertThat(key.path("name")).isEqualTo(map.at("/metadata/name"));
        assertThat(map.path("data").has(key.path("key").asText())).isTrue();
    }

    @Test
    void theModelIsFetchedCheckedAndThenMountedReadOnlyWhereTheJobLooksForIt() throws IOException {
        String model = argument(base(), "--model");
        JsonNode pod = base().at("/spec/taskManager/podTemplate/spec");
        List<String> command = DeployedFiles.strings(pod.at("/initContainers/0/command"));
        assertThat(command).first().asString().isEqualTo("fetch-model");
        assertThat(command).last().asString().isEqualTo(DeployedFiles.folder(model));
        assertThat(command.get(1)).isEqualTo("$(" + pod.at("/initContainers/0/env/0/name").asText() + ")");
        JsonNode data = DeployedFiles.documents("kubernetes/base/model.yaml").getFirst().path("data");
        String sums = command.get(2);
        assertThat(data.has(DeployedFiles.file(sums))).isTrue();
        assertThat(data.path("SHA256SUMS").asText()).endsWith("  " + DeployedFiles.file(model) + "\n");
        assertThat(mount(pod.at("/initContainers/0"), DeployedFiles.folder(sums)).path("readOnly").asBoolean())
                .isTrue();
        JsonNode written = mount(pod.at("/initContainers/0"), DeployedFiles.folder(model));
        JsonNode read = mount(mainContainer(base().at("/spec/taskManager/podTemplate")), DeployedFiles.folder(model));
        assertThat(read.path("name")).isEqualTo(written.path("name"));
        assertThat(written.path("readOnly").asBoolean()).isFalse();
        assertThat(read.path("readOnly").asBoolean()).isTrue();
    }

    @Test
    void packedWeightsAreKeptOnAVolume() throws IOException {
        JsonNode mount = mount(mainContainer(base().at("/spec/taskManager/podTemplate")),
                argument(base(), "--weights-cache-dir"));
        assertThat(mount.path("name").asText()).isEqualTo("weights");
    }

    private static JsonNode mount(JsonNode container, String path) {
        return StreamSupport.stream(container.path("volumeMounts").spliterator(), false)
                .filter(each -> each.path("mountPath").asText().equals(path)).findFirst()
                .orElseThrow(() -> new AssertionError(path + " is not mounted in " + container.path("name")));
    }

    @Test
    void oneImageIsInitContainerAndFlink() throws IOException {
        assertThat(base().at("/spec/taskManager/podTemplate/spec/initContainers/0/image"))
                .isEqualTo(base().at("/spec/image"));
    }

    @Test
    void thePodMonitorSelectsThePodsAndThePortOfTheReporter() throws IOException {
        JsonNode monitor = DeployedFiles.document("kubernetes/monitoring/podmonitor.yaml");
        assertThat(monitor.at("/spec/selector/matchLabels/app")).isEqualTo(base().at("/metadata/name"));
        JsonNode port = mainContainer(base().at("/spec/podTemplate")).at("/ports/0");
        assertThat(monitor.at("/spec/podMetricsEndpoints/0/port")).isEqualTo(port.path("name"));
        assertThat(settings(base())).containsEntry("metrics.reporter.prom.port", port.path("containerPort").asText());
        assertThat(monitor.at("/metadata/namespace"))
                .isEqualTo(DeployedFiles.document("kubernetes/base/kustomization.yaml").path("namespace"));
    }
}
