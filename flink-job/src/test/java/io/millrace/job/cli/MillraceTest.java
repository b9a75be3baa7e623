package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class MillraceTest {

    static Set<String> verbs() {
        return Millrace.commandLine(InputStream.nullInputStream()).getSubcommands().keySet();
    }

    @Test
    void theVerbsAreThese() {
        assertThat(verbs()).containsExactly("demo", "run", "chat", "generate", "logprobs", "tokenize", "inspect",
                "plan", "bench", "eval", "train", "sample-model");
    }

    @Test
    void withoutAVerbItListsThem() {
        assertThat(millrace().succeeds().out()).contains(verbs()).isEqualTo(millrace("--help").succeeds().out());
    }

    @ParameterizedTest
    @MethodSource("verbs")
    void everyVerbHasHelpThatFitsAScreensWidth(String verb) {
        String help = millrace(verb, "--help").succeeds().out();

        assertThat(help).startsWith("Usage: millrace " + verb).contains("Example", "millrace " + verb);
        assertThat(help.lines()).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80));
    }

    @Test
    void aVersionIsTold() {
        assertThat(millrace("--version").succeeds().out()).startsWith("millrace ");
    }

    @Test
    void anUnknownVerbIsRefusedAndTheNearestOneIsNamed() {
        CommandRun run = millrace("genrate");

        assertThat(run.err().lines()).hasSize(2);
        assertThat(run.err()).startsWith("millrace: ").contains("no such verb: genrate", "millrace generate");
        assertThat(run.exitCode()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource({"demo, --conversation", "run, --bootstrap-server", "tokenize, --special", "inspect, --jsno"})
    void anUnknownOptionIsRefusedAndTheNearestOneIsNamed(String verb, String option) {
        millrace(verb, "--model", "model.gguf", option).isMisuse("Unknown option", option);
    }

    @ParameterizedTest
    @CsvSource({"logprobs", "tokenize", "inspect", "bench"})
    void aMissingModelIsAskedFor(String verb) {
        millrace(verb).isMisuse("--model=PATH");
    }

    @ParameterizedTest
    @CsvSource({"--conversations, 0", "--turns, -1", "--turns, 0"})
    void aDemoOfNothingIsRefused(String option, String value) {
        millrace("demo", option, value).isRefused(option + ": " + value + " is not 1 or more");
    }
}
