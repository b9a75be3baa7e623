package io.millrace.job.eval;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.millrace.training.desk.Language;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What an evaluation found; the names are those of its JSON.
 *
 * @param model its name
 * @param dialogues that were held
 * @param turns of them
 * @param seconds from the first prompt to the last answer
 * @param rows in the order of {@link Measure}
 */
public record EvaluationReport(
        @JsonProperty("model") String model,
        @JsonProperty("dialogues") int dialogues,
        @JsonProperty("turns") int turns,
        @JsonProperty("seconds") double seconds,
        @JsonProperty("rows") List<Row> rows) {
    private static final String LABEL = "%-19s %4s ";
    private static final String CELL = " %9s";
    private static final String ALL = " %11s %6s  %s";

    public EvaluationReport {
        rows = List.copyOf(rows);
    }

    /**
     * A measure's scores.
     *
     * @param bar percent that is wanted, 0 when nothing is
     * @param perLanguage whether each language has to reach the bar
     * @param met whether the bar is reached; true when there is none
     * @param all of all languages together
     * @param languages by code
     */
    public record Row(
            @JsonProperty("measure") String measure,
            @JsonProperty("bar") int bar,
            @JsonProperty("per_language") boolean perLanguage,
            @JsonProperty("met") boolean met,
            @JsonProperty("all") Score all,
            @JsonProperty("languages") Map<String, Score> languages) {

        static Row of(Measure measure, Map<String, Score> languages) {
            Score all = languages.values().stream().reduce(Score.NONE, Score::plus);
            boolean met = all.reaches(measure.bar()) && (!measure.perLanguage()
                    || languages.values().stream().allMatch(score -> score.reaches(measure.bar())));
            return new Row(measure.title(), measure.bar(), measure.perLanguage(),
                    measure.bar() == Measure.NO_BAR || met, all, languages);
        }

        private String line() {
            StringBuilder line = new StringBuilder(
                    String.format(Locale.ROOT, LABEL, measure, bar == Measure.NO_BAR ? "" : bar + "%"));
            for (Language language : Language.values()) {
                Score score = languages.getOrDefault(language.code(), Score.NONE);
                boolean missed = perLanguage && bar != Measure.NO_BAR && !score.reaches(bar);
                line.append(String.format(Locale.ROOT, CELL, fraction(score) + (missed ? "!" : " ")));
            }
            String verdict = bar == Measure.NO_BAR ? "" : met ? "met" : "MISSED";
            return line.append(String.format(Locale.ROOT, ALL, fraction(all),
                    all.count() == 0 ? "" : String.format(Locale.ROOT, "%.1f%%", all.percent()), verdict)).toString()
                    .stripTrailing();
        }

        private static String fraction(Score score) {
            return score.count() == 0 ? "-" : score.right() + "/" + score.count();
        }
    }

    /** Measures whose bar is missed. */
    public List<String> missed() {
        return rows.stream().filter(row -> !row.met).map(Row::measure).toList();
    }

    /** For people: right answers of those that were judged, one line a measure. */
    public String table() {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(Locale.ROOT, "%s: %,d dialogues, %,d turns in %.1f s, %.1f turns/s", model, dialogues,
                turns, seconds, turns / seconds));
        lines.add("");
        StringBuilder head = new StringBuilder(String.format(Locale.ROOT, LABEL, "", "bar"));
        for (Language language : Language.values()) {
            head.append(String.format(Locale.ROOT, CELL, language.code() + " "));
        }
        lines.add(head.append(String.format(Locale.ROOT, ALL, "all", "", "")).toString().stripTrailing());
        rows.forEach(row -> lines.add(row.line()));
        if (rows.stream().anyMatch(row -> row.perLanguage && !row.met)) {
            lines.add("");
            lines.add("! below the bar, which is for each language");
        }
        return String.join(System.lineSeparator(), lines);
    }
}
