package io.millrace.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.GgufFile;
import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.TensorType;
import io.millrace.training.network.Network;
import io.millrace.training.network.NetworkShape;
import io.millrace.training.network.Parameters;
import io.millrace.training.tokens.TrainingSequence;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ModelFileTest {
    private static final LearnedVocabulary VOCABULARY = LearnedVocabulary.of(List.of("t h", "th e"));
    private static final NetworkShape SHAPE = new NetworkShape(VOCABULARY.tokens().size(), 2, 64, 96, 4, 2, 16, 500000f,
            1e-5f);

    private final Parameters parameters = Parameters.random(SHAPE, 1);
    private final Path file;

    ModelFileTest(@TempDir Path directory) {
        file = directory.resolve("model.gguf");
        // Larger than new parameters are, so that positions and attention matter.
        parameters.all().stream().filter(parameter -> parameter.matrix()).forEach(parameter -> {
            for (int i = 0; i < parameter.values().length; i++) {
                parameter.values()[i] *= 3;
            }
        });
    }

    /** Sequences of random tokens, of which a random half is learned. */
    private static List<TrainingSequence> sequences() {
        Random random = new Random(5);
        List<TrainingSequence> sequences = new ArrayList<>();
        for (int length : new int[]{2, 33, 300}) {
            int[] tokens = random.ints(length, 0, SHAPE.vocabSize()).toArray();
            boolean[] learned = new boolean[length];
            for (int i = 1; i < length; i++) {
                learned[i] = i == 1 || random.nextBoolean();
            }
            sequences.add(new TrainingSequence(tokens, learned));
        }
        return sequences;
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "Q8_0", "Q4_0"})
    void theRuntimeOpensIt(TensorType type) throws IOException {
        ModelFile.write(file, parameters, VOCABULARY, type);
        try (LlamaWeights weights = LlamaWeights.open(file)) {
            assertThat(weights.config()).isEqualTo(new LlamaConfig(2, 64, 96, 4, 2, 16, SHAPE.vocabSize(), 2048, 1e-5f,
                    500000f));
            assertThat(weights.name()).isEqualTo("millrace-desk");
            assertThat(weights.embedding().type()).isEqualTo(type);
            assertThat(weights.output()).isEqualTo(weights.embedding());
            assertThat(weights.ropeDivisors()).containsOnly(1f);
            assertThat(weights.warnings()).isEmpty();
        }
        assertThat(Tokenizer.load(file).encode("the")).containsExactly(VOCABULARY.tokens().indexOf("the"));
    }

    @Test
    void theFileSaysItsLicense() throws IOException {
        ModelFile.write(file, parameters, VOCABULARY, TensorType.Q8_0);
        try (GgufFile gguf = GgufFile.open(file)) {
            assertThat(gguf.metadata().string("general.license")).isEqualTo("apache-2.0");
        }
    }

    @Test
    void theRuntimeComputesFromItWhatTheNetworkComputes() throws IOException {
        ModelFile.write(file, parameters, VOCABULARY, TensorType.F32);
        Perplexity measured = Perplexity.of(file, sequences().iterator(), 2);
        double sum = 0;
        long learned = 0;
        try (WorkerPool pool = new WorkerPool(2)) {
            Network network = new Network(parameters, 512, pool);
            for (TrainingSequence sequence : sequences()) {
                for (float logprob : network.forward(BatchStream.batch(List.of(sequence)))) {
                    sum -= logprob;
                }
                learned += sequence.learnedTokens();
            }
        }
        assertThat(measured.tokens()).isEqualTo(learned);
        assertThat(measured.loss()).isGreaterThan(1).isCloseTo(sum / learned, within(1e-4));
        assertThat(measured.value()).isCloseTo(Math.exp(measured.loss()), within(1e-9));
    }

    @Test
    void coarserTypesChangeThePerplexityMore() throws IOException {
        ModelFile.write(file, parameters, VOCABULARY, TensorType.F32);
        double exact = Perplexity.of(file, sequences().iterator(), 1).loss();
        ModelFile.write(file, parameters, VOCABULARY, TensorType.Q8_0);
        double eightBits = Math.abs(Perplexity.of(file, sequences().iterator(), 1).loss() - exact);
        ModelFile.write(file, parameters, VOCABULARY, TensorType.Q4_0);
        double fourBits = Math.abs(Perplexity.of(file, sequences().iterator(), 1).loss() - exact);
        assertThat(eightBits).isPositive().isLessThan(fourBits);
    }

    @Test
    void aVocabularyOfAnotherModelIsRefused() {
        assertThatThrownBy(() -> ModelFile.write(file, parameters, LearnedVocabulary.of(List.of()), TensorType.F32))
                .hasMessage("vocabulary: 272 tokens, but the embedding has 274 rows");
    }

    @Test
    void aMatrixWhoseRowsAreNoWholeBlocksIsRefused() {
        Parameters narrow = Parameters.random(new NetworkShape(SHAPE.vocabSize(), 1, 48, 96, 1, 1, 16, 1e4f, 1e-5f), 1);
        assertThatThrownBy(() -> ModelFile.write(file, narrow, VOCABULARY, TensorType.Q8_0))
                .hasMessage("token_embd.weight: rows of 48 values cannot be Q8_0, whose blocks are of 32");
    }

    @Test
    void perplexityNeedsATokenToPredict() throws IOException {
        ModelFile.write(file, parameters, VOCABULARY, TensorType.F32);
        TrainingSequence nothing = new TrainingSequence(new int[]{1, 2}, new boolean[2]);
        assertThatThrownBy(() -> Perplexity.of(file, List.of(nothing).iterator(), 1))
                .hasMessage("sequences: they have no token that is to be predicted");
    }
}
