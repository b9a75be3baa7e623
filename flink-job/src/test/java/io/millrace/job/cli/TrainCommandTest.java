package io.millrace.job.cli;

import static io.millrace.job.cli.CommandRun.millrace;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainCommandTest {

    @Test
    void anUnknownStageIsRefused(@TempDir Path directory) {
        millrace("train", "--out", directory, "--until", "graduation").isRefused("--until: graduation is not one of "
                + "pre-training, fine-tuning, rejection-sampling or preference");
    }

    @Test
    void aDirectoryOfOtherFilesIsRefused(@TempDir Path directory) throws IOException {
        Files.writeString(directory.resolve("letter.txt"), "Dear customer");

        millrace("train", "--out", directory)
                .isRefused("--out: " + directory + ": not empty, and no training run; choose another directory");
    }

    @Test
    void aNumberOfThreadsBelowOneIsRefused(@TempDir Path directory) {
        millrace("train", "--out", directory, "--threads", 0).isRefused("--threads: 0 is not 1 or more");
    }
}
