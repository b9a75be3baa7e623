package io.millrace.job.eval;

import io.millrace.training.desk.Criterion;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Language;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Counts marks by measure and language. */
final class Scores {
    private final Map<Measure, Map<Language, Score>> counts = new EnumMap<>(Measure.class);

    void add(Dialogue dialogue, Map<Criterion, Boolean> marks) {
        marks.forEach((criterion, right) -> counts
                .computeIfAbsent(Measure.of(dialogue.skill(), criterion), _ -> new EnumMap<>(Language.class))
                .merge(dialogue.language(), Score.NONE.plus(right), Score::plus));
    }

    /** A row for each measure that something counted for, in their order. */
    List<EvaluationReport.Row> rows() {
        return counts.entrySet().stream()
                .map(counted -> EvaluationReport.Row.of(counted.getKey(), byCode(counted.getValue()))).toList();
    }

    private static Map<String, Score> byCode(Map<Language, Score> counts) {
        Map<String, Score> scores = new LinkedHashMap<>();
        counts.forEach((language, score) -> scores.put(language.code(), score));
        return scores;
    }
}
