package io.millrace.job.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.junit.jupiter.api.Test;

/** The image's recipe and its configuration of Flink. */
class ImageTest {
    private static final String JAR = "flink-job/target/millrace-flink-job.jar";

    /** A source in the project and where it is in the image. */
    private record Copy(String source, String target) {}

    private static List<Copy> copies() throws IOException {
        return Pattern.compile("^COPY (?!--from)(?:--\\S+ )*(\\S+) (\\S+)$", Pattern.MULTILINE)
                .matcher(DeployedFiles.text("Dockerfile")).results()
                .map(match -> new Copy(match.group(1), match.group(2))).toList();
    }

    /** Path of the job's jar. */
    static String jarInTheImage() throws IOException {
        return copies().stream().filter(copy -> copy.source().equals(JAR)).findFirst().orElseThrow().target();
    }

    /** The flags that every JVM of the project gets. */
    static String jvmFlags() throws IOException {
        return property("millrace.jvm.flags");
    }

    /** A property of the build. */
    private static String property(String name) throws IOException {
        List<String> values = group(Files.readString(DeployedFiles.PROJECT.resolve("pom.xml")),
                "<" + name + ">(.+)</" + name + ">");
        assertThat(values).as(name).hasSize(1);
        return values.getFirst();
    }

    /** The image's settings. */
    static Map<String, String> settings() throws IOException {
        return DeployedFiles.document("flink-config.yaml").propertyStream()
                .collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue().asText()));
    }

    @Test
    void everythingThatIsCopiedIsThereOrMadeByTheBuild() throws IOException {
        assertThat(copies()).extracting(Copy::source).contains(JAR, "deploy/flink-config.yaml", "deploy/fetch-model");
        for (Copy copy : copies()) {
            if (!copy.source().equals(JAR)) {
                assertThat(DeployedFiles.PROJECT.resolve(copy.source())).exists();
            }
        }
        assertThat(Files.readString(DeployedFiles.PROJECT.resolve("flink-job/pom.xml")))
                .contains("<outputFile>${project.build.directory}/" + Path.of(JAR).getFileName() + "</outputFile>");
        assertThat(Files.isExecutable(DeployedFiles.DEPLOY.resolve("fetch-model"))).isTrue();
    }

    @Test
    void itIsTheFlinkThatTheJobIsBuiltWithOnTheJavaOfTheBuild() throws IOException {
        List<String> bases = Pattern.compile("^FROM (\\S+)", Pattern.MULTILINE)
                .matcher(DeployedFiles.text("Dockerfile"))
                .results().map(match -> match.group(1)).toList();
        assertThat(bases).containsExactly("flink:" + EnvironmentInformation.getVersion() + "-java21",
                "eclipse-temurin:" + property("maven.compiler.release") + "-jre");
    }

    @Test
    void stagesThatAreCopiedFromAreThere() throws IOException {
        String recipe = DeployedFiles.text("Dockerfile");
        List<String> stages = group(recipe, "^FROM \\S+ AS (\\S+)$");
        assertThat(group(recipe, "COPY --from=(\\S+)")).isNotEmpty().isSubsetOf(stages);
    }

    private static List<String> group(String text, String regex) {
        return Pattern.compile(regex, Pattern.MULTILINE).matcher(text).results()
                .map((MatchResult match) -> match.group(1))
                .toList();
    }

    @Test
    void flinkKnowsEverySettingAndTheMemoryAddsUp() throws IOException {
        FlinkKeys.assertSound(settings());
        FlinkKeys.assertRoomFor(settings(), MemorySize.ofMebiBytes(1024));
    }

    @Test
    void flinksListOfOpensIsFollowedByTheFlagsOfTheBuild() throws IOException {
        String all = settings().getOrDefault("env.java.opts.all", "");
        assertThat(all).startsWith("--add-exports=").endsWith(" " + jvmFlags());
        assertThat(Pattern.compile(" ").split(all)).doesNotHaveDuplicates();
    }

    @Test
    void thePortsAreExposed() throws IOException {
        JsonNode config = DeployedFiles.document("flink-config.yaml");
        assertThat(DeployedFiles.text("Dockerfile")).contains("EXPOSE " + config.get("jobmanager.rpc.port").asText()
                + " 8081 " + config.get("metrics.reporter.prom.port").asText() + "\n");
    }
}
