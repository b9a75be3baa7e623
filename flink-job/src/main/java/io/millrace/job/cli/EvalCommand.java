package io.millrace.job.cli;

import io.millrace.job.embedded.EmbeddedJob;
import io.millrace.job.eval.DeskJob;
import io.millrace.job.eval.Evaluation;
import io.millrace.job.eval.EvaluationReport;
import io.millrace.job.eval.Failure;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.training.desk.DeskCorpus;
import io.millrace.training.desk.Language;
import io.millrace.training.desk.Phrasebook;
import io.millrace.training.desk.Skill;
import io.millrace.training.run.Perplexity;
import io.millrace.training.tokens.DialogueEncoder;
import io.millrace.training.tokens.TrainingSequence;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace eval}: how good a model is at the support desk. */
@Command(name = "eval", mixinStandardHelpOptions = true, description = {
        "Hold conversations that no training saw through a real Kafka broker and a real Flink job, both in this process, and count the right answers."}, footer = {
                "", "Examples:", "  millrace eval", "  millrace eval --quick --failures failures.jsonl",
                "  millrace eval --model model.gguf --count 100 --require",
                "  millrace eval --model run/preference.q4_0.gguf --perplexity"})
final class EvalCommand implements Callable<Integer> {
    private static final int QUICK = 5;

    @Spec
    private CommandSpec spec;

    @Mixin
    private DefaultModelOption model;

    @ArgGroup
    private Size size = new Size();

    @Option(names = "--failures", paramLabel = "FILE", description = "Write each answer that is not right in everything as a line of JSON: the conversation, the answer that was expected, the one that came.")
    private @Nullable Path failures;

    @Option(names = "--require", description = "Exit with 1 when a bar is missed.")
    private boolean require;

    @Option(names = "--perplexity", description = "Instead, give the perplexity of the answers that these conversations should get, computed with neither Kafka nor Flink.")
    private boolean perplexity;

    @Option(names = "--json", description = "Write one JSON object.")
    private boolean json;

    /** How many conversations: one of two. */
    static final class Size {
        @Option(names = "--count", paramLabel = "N", defaultValue = "50", description = "Conversations of each skill in each language. Default: ${DEFAULT-VALUE}.")
        private int count = 50;

        @Option(names = "--quick", description = "The same as --count " + QUICK + ".")
        private boolean quick;

        int count() {
            Numbers.requirePositive("--count", count);
            return quick ? QUICK : count;
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        int count = size.count();
        if (perplexity) {
            return printPerplexity(count);
        }
        List<Failure> failed = new ArrayList<>();
        EvaluationReport report = evaluate(count, failed);
        if (failures != null) {
            Files.write(failures, failed.stream().map(Json::line).toList());
        }
        PrintWriter out = spec.commandLine().getOut();
        out.println(json ? Json.line(report) : report.table());
        return require && !report.missed().isEmpty() ? 1 : 0;
    }

    private int printPerplexity(int count) throws IOException {
        if (failures != null || require) {
            throw new InvalidInput("--perplexity: has no meaning with --failures and --require");
        }
        Path path = model.path();
        DialogueEncoder encoder = new DialogueEncoder(Tokenizer.load(path));
        DeskCorpus corpus = new DeskCorpus(Phrasebook.load());
        Iterator<TrainingSequence> sequences = Arrays.stream(Skill.values())
                .flatMap(skill -> Arrays.stream(Language.values())
                        .flatMap(language -> corpus.heldOut(skill, language, count).stream()))
                .map(encoder::dialogue).iterator();
        Perplexity measured = Perplexity.of(path, sequences, Runtime.getRuntime().availableProcessors());
        spec.commandLine().getOut().println(json
                ? Json.line(measured)
                : String.format(Locale.ROOT, "perplexity %.4f over %,d tokens of answers", measured.value(),
                        measured.tokens()));
        return 0;
    }

    private EvaluationReport evaluate(int count, List<Failure> failed)
            throws IOException, InterruptedException {
        Path path = model.path();
        String name = model.prepare(path);
        try (Interruption _ = Interruption.ofThisThread();
                TemporaryDirectory directory = TemporaryDirectory.create("millrace-eval");
                EmbeddedJob job = DeskJob.start(path, 0, model.cache().setting(), directory.path())) {
            Evaluation evaluation = new Evaluation(job, name, count);
            try (Progress progress = Progress.start("turns", evaluation.turns())) {
                return evaluation.run(progress::advance, failed::add);
            }
        }
    }
}
