package io.millrace.job.eval;

import io.millrace.job.kafka.RunningJob;
import io.millrace.training.desk.Criterion;
import io.millrace.training.desk.DeskCorpus;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Grader;
import io.millrace.training.desk.Language;
import io.millrace.training.desk.Phrasebook;
import io.millrace.training.desk.Skill;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/** Plays the held-out dialogues through the running job and judges each answer. Used by one thread, once per job. */
public final class Evaluation {
    /** The engine's batch, and those whose answers wait for their checkpoint. */
    private static final int AT_A_TIME = 128;

    private final RunningJob job;
    private final String model;
    private final List<Dialogue> dialogues;
    private final Grader grader;

    /**
     * @param job not owned
     * @param model its name, for the report
     * @param count of held-out dialogues of each skill in each language; the first ones of a larger number are those of a smaller
     */
    public Evaluation(RunningJob job, String model, int count) {
        this.job = job;
        this.model = model;
        Phrasebook phrases = Phrasebook.load();
        grader = new Grader(phrases);
        dialogues = heldOut(new DeskCorpus(phrases), count);
    }

    private static List<Dialogue> heldOut(DeskCorpus corpus, int count) {
        List<Dialogue> dialogues = new ArrayList<>();
        for (Skill skill : Skill.values()) {
            for (Language language : Language.values()) {
                dialogues.addAll(corpus.heldOut(skill, language, count));
            }
        }
        return dialogues;
    }

    /** Turns that {@link #run} plays. */
    public int turns() {
        return dialogues.stream().mapToInt(dialogue -> dialogue.exchanges().size()).sum();
    }

    /**
     * Plays all dialogues.
     *
     * @param heard hears of each turn, 1
     * @param failed hears of each answer that is not right in everything
     */
    public EvaluationReport run(IntConsumer heard, Consumer<Failure> failed) {
        Scores scores = new Scores();
        long started = System.nanoTime();
        new DialoguePlayer(job, AT_A_TIME).play(dialogues.iterator(), reply -> {
            Map<Criterion, Boolean> marks = grader.grade(reply.played().expected(), reply.answer());
            scores.add(reply.dialogue(), marks);
            if (marks.containsValue(false)) {
                failed.accept(Failure.of(reply, marks));
            }
            heard.accept(1);
        });
        double seconds = (System.nanoTime() - started) / 1e9;
        return new EvaluationReport(model, dialogues.size(), turns(), seconds, scores.rows());
    }
}
