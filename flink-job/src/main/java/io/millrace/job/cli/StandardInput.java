package io.millrace.job.cli;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** Standard input as text, whatever the platform's own encoding is. */
final class StandardInput {
    private StandardInput() {}

    static BufferedReader reader() {
        return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    }
}
