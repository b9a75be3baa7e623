package io.millrace.job.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A call of the command line in this JVM, and what it did. */
record CommandRun(int exitCode, String out, String err) {
    private static final ObjectMapper JSON = new ObjectMapper();

    static CommandRun millrace(Object... arguments) {
        return millraceReading("", arguments);
    }

    static CommandRun millraceReading(String standardInput, Object... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Millrace
                .commandLine(new ByteArrayInputStream(standardInput.getBytes(StandardCharsets.UTF_8)))
                .setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(Arrays.stream(arguments).map(String::valueOf).toArray(String[]::new));
        return new CommandRun(exitCode, out.toString(), err.toString());
    }

    /** The call worked and had nothing to remark. */
    CommandRun succeeds() {
        assertThat(err).isEmpty();
        assertThat(exitCode).isZero();
        return this;
    }

    /** The call was refused with one line on standard error, which holds {@code parts}, and nothing on standard output. */
    CommandRun isRefused(String... parts) {
        assertThat(err).startsWith("millrace: ").contains(parts).doesNotContain("\tat ", "Exception");
        assertThat(err.lines()).hasSize(1);
        assertThat(out).isEmpty();
        assertThat(exitCode).isEqualTo(2);
        return this;
    }

    /** The arguments were refused with one line, which holds {@code parts}, and a second one that says where help is. */
    CommandRun isMisuse(String... parts) {
        assertThat(err).startsWith("millrace: ").doesNotContain("\tat ", "Exception");
        assertThat(err.lines().toList().getFirst()).contains(parts);
        assertThat(err.lines()).hasSize(2);
        assertThat(out).isEmpty();
        assertThat(exitCode).isEqualTo(2);
        return this;
    }

    JsonNode json() throws IOException {
        return JSON.readTree(out);
    }
}
