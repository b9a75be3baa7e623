package io.millrace.job.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.io.FileUtils;

/** The directories of one run. */
record Workspace(Path root) {

    static Workspace create() throws IOException {
        return in(Files.createTempDirectory("millrace-chaos"));
    }

    static Workspace in(Path root) throws IOException {
        Workspace workspace = new Workspace(root);
        for (String directory : new String[]{"logs", "conf", "kafka", "zookeeper", "ha", "tmp"}) {
            Files.createDirectories(workspace.path(directory));
        }
        return workspace;
    }

    Path path(String name) {
        return root.resolve(name);
    }

    Path logs() {
        return path("logs");
    }

    String uri(String name) {
        return path(name).toUri().toString();
    }

    void delete() throws IOException {
        FileUtils.deleteDirectory(root.toFile());
    }
}
