package io.millrace.job.training;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import io.millrace.training.desk.DeskCorpus;
import io.millrace.training.desk.Expectation;
import io.millrace.training.desk.Phrasebook;
import io.millrace.training.run.Sampled;
import io.millrace.training.run.TrainingPlan.Sampling;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JobCandidatesTest {
    private static final int CONTEXT = 2048;

    private static Path model;
    private static DeskCorpus corpus;

    @BeforeAll
    static void prepare(@TempDir Path directory) throws IOException {
        model = directory.resolve("small.gguf");
        SampleModel.write(model, SampleModel.Options.defaults().withGeometry(2, 64, 128, 4, 2, 16)
                .withContextLength(CONTEXT).withType(TensorType.F32));
        corpus = new DeskCorpus(Phrasebook.load());
    }

    private static List<Sampled> sample(int prompts, int candidates, long seed)
            throws IOException, InterruptedException {
        return new JobCandidates(2, new PrintWriter(new StringWriter())).sample(model, seed,
                new Sampling(prompts, candidates, 0.9f));
    }

    /** An untrained model is never right, but its answers are there with their ids, and no two candidates are the same. */
    @Test
    void everyPromptIsAnsweredSeveralTimesInItsOrderAndTheSameEachTime() throws IOException, InterruptedException {
        List<Sampled> sampled = sample(5, 3, 7);

        ChatFormat format = new ChatFormat(Tokenizer.load(model));
        List<CandidatePrompt> prompts = JobCandidates.prompts(corpus, 7, 5);
        assertThat(sampled).hasSize(5);
        IntStream.range(0, 5).forEach(i -> {
            assertThat(sampled.get(i).context()).isEqualTo(prompts.get(i).context(format));
            assertThat(sampled.get(i).reference()).isEqualTo(prompts.get(i).reference(format));
            List<Sampled.Candidate> candidates = sampled.get(i).candidates();
            assertThat(candidates).hasSize(3);
            assertThat(candidates).allSatisfy(candidate -> {
                assertThat(candidate.tokens()).isNotEmpty();
                assertThat(candidate.right()).isFalse();
            });
            assertThat(
                    candidates.stream().map(candidate -> IntStream.of(candidate.tokens()).boxed().toList()).distinct())
                    .hasSize(3);
        });
        assertThat(sample(5, 3, 7)).usingRecursiveComparison().isEqualTo(sampled);
    }

    @Test
    void promptsAreExchangesOfTheTrainingPartThatCanBeGraded() {
        List<CandidatePrompt> prompts = JobCandidates.prompts(corpus, 3, 200);

        assertThat(prompts).hasSize(200).allSatisfy(prompt -> {
            assertThat(prompt.dialogue().id()).startsWith("train");
            assertThat(prompt.asked().expected()).isNotInstanceOf(Expectation.Unscored.class);
        });
        assertThat(prompts).isEqualTo(JobCandidates.prompts(corpus, 3, 200));
    }

    /** Training learns exactly what a session holds: prompt, answer, end token. */
    @Test
    void contextAndReferenceTogetherAreTheWholeConversation() {
        ChatFormat format = new ChatFormat(Tokenizer.load(model));
        CandidatePrompt prompt = JobCandidates.prompts(corpus, 3, 100).stream()
                .filter(each -> each.exchange() > 0).findFirst().orElseThrow();

        int[] context = prompt.context(format);
        int[] reference = prompt.reference(format);
        List<Message> messages = new ArrayList<>(prompt.messages());
        messages.add(prompt.asked().answer());
        int[] whole = format.encode(messages, prompt.dialogue().tools(), prompt.dialogue().builtIn());
        assertThat(IntStream.concat(IntStream.of(context), IntStream.of(reference)).skip(1)).containsExactly(
                IntStream.of(whole).boxed().toArray(Integer[]::new));
    }
}
