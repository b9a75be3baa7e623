package io.millrace.job.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.job.deploy.DeployedFiles;
import io.millrace.job.kafka.KafkaSettings;
import io.millrace.operator.OperatorSettings;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** The job's arguments in the files under {@code deploy} are such that it starts. */
class DeployedArgumentsTest {

    @Command
    private static final class Job {
        @Mixin
        private JobSettings settings;
    }

    /** As the job reads them, and checks them before it starts. */
    private static void check(List<String> arguments) throws Exception {
        Job job = new Job();
        CommandLine command = new CommandLine(job);
        Configuration config = job.settings.configuration(command.parseArgs(arguments.toArray(String[]::new)));
        OperatorSettings.of(config);
        KafkaSettings.of(config);
    }

    @Test
    void thoseOfTheFlinkDeployment() throws Exception {
        check(DeployedFiles
                .strings(DeployedFiles.document("kubernetes/base/flinkdeployment.yaml").at("/spec/job/args")));
    }

    @Test
    void thoseThatTheOverlayAdds() throws Exception {
        String patch = DeployedFiles.document("kubernetes/overlays/shards-2/kustomization.yaml")
                .at("/patches/0/patch").asText();
        List<String> added = DeployedFiles.parse(patch).stream()
                .filter(each -> each.path("path").asText().equals("/spec/job/args/-"))
                .map(each -> each.path("value").asText()).toList();
        assertThat(added).isNotEmpty();
        List<String> base = DeployedFiles
                .strings(DeployedFiles.document("kubernetes/base/flinkdeployment.yaml").at("/spec/job/args"));
        check(Stream.concat(base.stream(), added.stream()).toList());
    }

    @Test
    void thoseOfTheComposeFile() throws Exception {
        JsonNode command = DeployedFiles.document("docker-compose.yaml").at("/services/jobmanager/command");
        check(DeployedFiles.strings(command).stream().skip(3).toList());
    }

    @Test
    void settingsThatAreNamedExist() throws IOException {
        Set<String> known = JobSettings.OPTIONS.stream()
                .flatMap(option -> Stream.of(option.key(), String.valueOf(option.defaultValue())))
                .collect(Collectors.toSet());
        Set<String> named = new TreeSet<>();
        for (String name : DeployedFiles.names("")) {
            Pattern.compile("(?<![\\w./-])millrace\\.(?!json|yaml)[a-z.-]*[a-z]").matcher(DeployedFiles.text(name))
                    .results().forEach(match -> named.add(match.group()));
        }
        assertThat(named).contains("millrace.engine.kv.memory").isSubsetOf(known);
    }

    @Test
    void aFlagThatTheJobDoesNotHaveWouldBeFound() {
        assertThatThrownBy(() -> check(List.of("--bootstrap-servers=kafka:9092", "--models=/models/model.gguf")))
                .isInstanceOf(CommandLine.UnmatchedArgumentException.class).hasMessageContaining("--models");
    }
}
