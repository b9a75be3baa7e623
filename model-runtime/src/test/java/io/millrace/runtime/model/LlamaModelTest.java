package io.millrace.runtime.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LayerSplit;
import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LlamaModelTest {
    @Test
    void opensWeightsAndTheTokenizerThatBelongsToThem(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("sample.gguf");
        SampleModel.write(file, SampleModel.Options.defaults());
        try (LlamaModel model = LlamaModel.open(file, PackingOptions.inMemory(1))) {
            assertThat(model.tokenizer().vocabularySize()).isEqualTo(model.weights().config().vocabSize());
        }
    }

    @Test
    void aShardHasTheTokenizerTooAndItsLayersOnly(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("sample.gguf");
        SampleModel.write(file, SampleModel.Options.defaults());
        try (LlamaModel head = LlamaModel.open(file, outline -> LayerSplit.balanced(outline, 2).ranges().getFirst(),
                PackingOptions.inMemory(1));
                ModelShard last = ModelShard.open(file,
                        outline -> LayerSplit.balanced(outline, 2).ranges().getLast(), PackingOptions.inMemory(1))) {
            assertThat(head.tokenizer().vocabularySize()).isEqualTo(head.weights().config().vocabSize());
            assertThat(head.weights().range()).isEqualTo(new LayerRange(0, last.weights().range().first()));
            assertThat(head.packed().of(head.weights().layers().getFirst().gate())).isPresent();
            assertThat(last.packed().of(last.weights().output())).isPresent();
        }
    }

    @Test
    void refusesATokenizerOfAnotherModel(@TempDir Path directory) throws IOException {
        Path golden = Path.of(System.getProperty("millrace.shared", "absent"), "golden");
        assumeTrue(Files.isDirectory(golden), "no recorded models at " + golden);
        try (var files = Files.list(golden.resolve("tiny-hf"))) {
            for (Path file : files.toList()) {
                Files.copy(file, directory.resolve(file.getFileName()));
            }
        }
        Files.copy(golden.resolve("odd-hf/tokenizer.json"), directory.resolve("tokenizer.json"),
                StandardCopyOption.REPLACE_EXISTING);
        assertThatThrownBy(() -> LlamaModel.open(directory, PackingOptions.inMemory(1)))
                .isInstanceOf(ModelFormatException.class)
                .hasMessage(directory + ": vocabulary: the tokenizer has 800 tokens and the embedding 1024;"
                        + " they are not of the same model");
    }

    @Test
    void preparingChecksAModelAndTellsItsName(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("sample.gguf");
        SampleModel.write(file, SampleModel.Options.defaults());
        PackingOptions packing = PackingOptions.inMemory(1);

        assertThat(LlamaModel.prepare(file, outline -> LayerSplit.balanced(outline, 2), packing))
                .isEqualTo("millrace-sample-untrained-seed1");
        assertThatThrownBy(() -> LlamaModel.prepare(directory.resolve("absent.gguf"),
                outline -> LayerSplit.balanced(outline, 1), packing))
                .isInstanceOf(ModelFormatException.class).hasMessageContaining("absent.gguf");
    }
}
