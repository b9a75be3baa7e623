package io.millrace.runtime.packing;

import io.millrace.runtime.weights.LlamaWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** The state of a model's files, to know whether they are still those that were packed. */
final class SourceFiles {
    private SourceFiles() {}

    /**
     * Name, size and time of the last change of each file. The model's fingerprint covers only the ends of large tensors;
     * this also changes when a file is written to in the middle of one.
     */
    static String stamp(LlamaWeights weights) throws IOException {
        StringBuilder stamp = new StringBuilder();
        for (Path file : weights.files()) {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            stamp.append(file.toRealPath().getFileName()).append(' ').append(attributes.size()).append(' ')
                    .append(attributes.lastModifiedTime().toInstant()).append('\n');
        }
        return stamp.toString();
    }
}
