package io.millrace.job.eval;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.training.desk.Criterion;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Exchange;
import io.millrace.training.desk.Expectation;
import io.millrace.training.desk.Language;
import io.millrace.training.desk.Skill;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ScoresTest {
    private final Scores scores = new Scores();

    private static Dialogue dialogue(Skill skill, Language language) {
        return new Dialogue("d", skill, language, List.of(), Set.of(),
                List.of(new Exchange(List.of(new Message(Role.USER, "Hello")), new Message(Role.ASSISTANT, "Yes"),
                        new Expectation.Unscored())));
    }

    private void add(Skill skill, Language language, Criterion criterion, int right, int wrong) {
        for (int i = 0; i < right + wrong; i++) {
            scores.add(dialogue(skill, language), Map.of(criterion, i < right));
        }
    }

    private EvaluationReport.Row row(String measure) {
        return scores.rows().stream().filter(row -> row.measure().equals(measure)).findFirst().orElseThrow();
    }

    @Test
    void marksCountByMeasureAndLanguage() {
        add(Skill.TRIAGE, Language.EN, Criterion.CATEGORY, 19, 1);
        add(Skill.TRIAGE, Language.TH, Criterion.CATEGORY, 20, 0);

        EvaluationReport.Row row = row("category");
        assertThat(row.languages()).containsExactly(Map.entry("en", new Score(19, 20)),
                Map.entry("th", new Score(20, 20)));
        assertThat(row.all()).isEqualTo(new Score(39, 40));
        assertThat(row.met()).isTrue();
    }

    @Test
    void aTriageBarIsForEachLanguage() {
        add(Skill.TRIAGE, Language.EN, Criterion.CATEGORY, 100, 0);
        add(Skill.TRIAGE, Language.TH, Criterion.CATEGORY, 18, 2);

        assertThat(row("category").all().percent()).isGreaterThan(95);
        assertThat(row("category").met()).isFalse();
    }

    @Test
    void otherBarsAreForAllLanguagesTogether() {
        add(Skill.MEMORY, Language.EN, Criterion.MEMORY, 100, 0);
        add(Skill.MEMORY, Language.TH, Criterion.MEMORY, 10, 10);

        assertThat(row("memory over turns").met()).isTrue();
    }

    @Test
    void toolsThatTrainingNeverSawAreCountedApart() {
        add(Skill.TOOLS, Language.EN, Criterion.CALL, 1, 0);
        add(Skill.NEW_TOOLS, Language.EN, Criterion.CALL, 0, 1);

        assertThat(row("tool and arguments").all()).isEqualTo(new Score(1, 1));
        assertThat(row("the same, new tools").all()).isEqualTo(new Score(0, 1));
    }

    @Test
    void aBarIsReachedExactly() {
        add(Skill.REFUSAL, Language.EN, Criterion.REFUSAL, 9, 1);
        add(Skill.STEERING, Language.EN, Criterion.STEERING, 899, 101);

        assertThat(row("refusal to guess").met()).isTrue();
        assertThat(row("steering obeyed").met()).isFalse();
    }

    @Test
    void theTableShowsCountsBarsAndWhatIsMissed() {
        for (Language language : Language.values()) {
            add(Skill.TRIAGE, language, Criterion.CATEGORY, language == Language.TH ? 15 : 20, 0);
            add(Skill.TRIAGE, language, Criterion.URGENCY, 1, 1);
            add(Skill.MEMORY, language, Criterion.MEMORY, 9, 1);
        }
        add(Skill.TRIAGE, Language.TH, Criterion.CATEGORY, 0, 5);

        EvaluationReport report = new EvaluationReport("desk", 16, 32, 4, scores.rows());

        assertThat(report.table().lines()).containsExactly(
                "desk: 16 dialogues, 32 turns in 4.0 s, 8.0 turns/s", "",
                "                     bar        en        de        fr        it        pt        hi        es        th          all",
                "category             95%     20/20     20/20     20/20     20/20     20/20     20/20     20/20     15/20!     155/160  96.9%  MISSED",
                "urgency                        1/2       1/2       1/2       1/2       1/2       1/2       1/2       1/2         8/16  50.0%",
                "memory over turns    90%      9/10      9/10      9/10      9/10      9/10      9/10      9/10      9/10        72/80  90.0%  met",
                "", "! below the bar, which is for each language");
        assertThat(report.missed()).containsExactly("category");
    }
}
