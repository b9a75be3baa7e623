package io.millrace.job.training;

import io.millrace.job.embedded.EmbeddedJob;
import io.millrace.job.eval.DeskJob;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.training.desk.DeskCorpus;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Expectation;
import io.millrace.training.desk.Grader;
import io.millrace.training.desk.Part;
import io.millrace.training.desk.Phrasebook;
import io.millrace.training.run.CandidateSource;
import io.millrace.training.run.Sampled;
import io.millrace.training.run.TrainingPlan.Sampling;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.IntConsumer;
import org.apache.commons.io.FileUtils;

/**
 * Candidates from the streaming job: prompts go to a Kafka topic, the job answers each several times, and what comes back is
 * graded. A broker and a cluster in this process, new ones each time.
 */
public final class JobCandidates implements CandidateSource {
    private static final Duration SILENCE = Duration.ofSeconds(10);

    private final int threads;
    private final PrintWriter err;

    /**
     * @param threads that compute; the candidates do not depend on them
     * @param err hears every few seconds how far it is
     */
    public JobCandidates(int threads, PrintWriter err) {
        this.threads = threads;
        this.err = err;
    }

    @Override
    public List<Sampled> sample(Path model, long seed, Sampling sampling) throws IOException, InterruptedException {
        ChatFormat format = new ChatFormat(Tokenizer.load(model));
        Phrasebook phrases = Phrasebook.load();
        List<CandidatePrompt> prompts = prompts(new DeskCorpus(phrases), seed, sampling.exchanges());
        Path directory = Files.createTempDirectory("millrace-candidates");
        try (EmbeddedJob job = DeskJob.start(model, threads, PackingOptions.OFF, directory)) {
            return new CandidateRun(job, prompts, new Grader(phrases), seed, sampling).run(format,
                    progress(prompts.size() * sampling.candidates()));
        } finally {
            FileUtils.deleteDirectory(directory.toFile());
        }
    }

    /** The first exchanges of the training part that can be graded. */
    static List<CandidatePrompt> prompts(DeskCorpus corpus, long seed, int count) {
        List<CandidatePrompt> prompts = new ArrayList<>();
        for (Iterator<Dialogue> dialogues = corpus.dialogues(Part.TRAIN, seed).iterator(); prompts.size() < count;) {
            Dialogue dialogue = dialogues.next();
            for (int i = 0; i < dialogue.exchanges().size() && prompts.size() < count; i++) {
                if (!(dialogue.exchanges().get(i).expected() instanceof Expectation.Unscored)) {
                    prompts.add(new CandidatePrompt(dialogue, i));
                }
            }
        }
        return prompts;
    }

    private IntConsumer progress(int total) {
        return new IntConsumer() {
            private int done;
            private long told = System.nanoTime();

            @Override
            public void accept(int more) {
                done += more;
                if (System.nanoTime() - told > SILENCE.toNanos()) {
                    told = System.nanoTime();
                    err.printf("%,d of %,d answers%n", done, total);
                }
            }
        };
    }
}
