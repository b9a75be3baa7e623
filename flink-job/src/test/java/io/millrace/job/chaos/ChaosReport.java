package io.millrace.job.chaos;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** What came of a run. */
final class ChaosReport {
    private final List<Disturber.Outcome> outcomes;
    private final Comparison comparison;
    private final Map<String, Object> figures = new LinkedHashMap<>();

    /**
     * @param memory of the task managers before the first event
     * @param ownEnds processes that ended though nobody killed them
     * @param time that the disturbed run took
     */
    ChaosReport(ChaosPlan plan, Map<String, ProcessMemory> memory, List<Disturber.Outcome> outcomes,
            Transcript transcript, Comparison comparison,
            int ownEnds, Duration time) {
        this.outcomes = List.copyOf(outcomes);
        this.comparison = comparison;
        Script script = plan.script();
        figures.put("seed", script.seed());
        figures.put("state backend", plan.backend().toString());
        figures.put("conversations x turns", script.conversations() + " x " + script.turns());
        figures.put("shards", plan.shards());
        memory.forEach((name, bytes) -> figures.put(name + " when the job had started", bytes.toString()));
        figures.put("minutes", round(time.toMillis() / 60_000.0));
        figures.put("processes killed", kills());
        figures.put("  task manager", kills(Disturbance.KillTaskManagers.class));
        figures.put("  task manager during a savepoint", kills(Disturbance.KillDuringSavepoint.class));
        figures.put("  job manager", kills(Disturbance.KillJobManager.class));
        figures.put("  broker", kills(Disturbance.KillBroker.class));
        figures.put("savepoints restored at another parallelism", outcomes.stream()
                .filter(outcome -> outcome.disturbance() instanceof Disturbance.Rescale).count());
        figures.put("events that met turns in the middle",
                outcomes.stream().filter(outcome -> outcome.inMidTurn() > 0).count() + " of " + outcomes.size());
        figures.put("seconds until answers came again, median and longest",
                recovery(outcomes.size() / 2) + ", " + recovery(outcomes.size() - 1));
        figures.put("processes that ended by themselves", ownEnds);
        figures.put("longest pause of the reader, seconds", round(transcript.longestPause().toMillis() / 1000.0));
        figures.put("prompts sent twice", script.sentTwice());
        figures.put("completions", transcript.answered());
        figures.put("turns resumed after a failure or a savepoint", transcript.resumed());
        figures.put("tokens computed again in them", transcript.recomputedTokens());
        figures.put("deltas read again after failures", transcript.repeatedDeltas());
        figures.put("dead letters", transcript.deadLetters());
        figures.put("lost", comparison.lost().size());
        figures.put("duplicated", comparison.duplicated().size());
        figures.put("changed", comparison.changed().size());
        figures.put("deltas that are not their completion", comparison.deltaMismatches().size());
    }

    /** By rank, in seconds. */
    private double recovery(int rank) {
        return outcomes.stream().map(Disturber.Outcome::recovery).sorted().skip(Math.max(0, rank)).findFirst()
                .map(time -> round(time.toMillis() / 1000.0)).orElse(0.0);
    }

    private int kills() {
        return outcomes.stream().mapToInt(outcome -> outcome.disturbance().kills()).sum();
    }

    private int kills(Class<? extends Disturbance> kind) {
        return outcomes.stream().map(Disturber.Outcome::disturbance).filter(kind::isInstance)
                .mapToInt(Disturbance::kills).sum();
    }

    private static double round(double value) {
        return Math.round(value * 10) / 10.0;
    }

    /** Events that took place. */
    int events() {
        return outcomes.size();
    }

    /** Whether nothing was lost, duplicated or changed. */
    boolean clean() {
        return comparison.clean();
    }

    /** What was found, for people: the figures, and what went wrong. */
    String table() {
        String rows = figures.entrySet().stream().map(row -> "| " + row.getKey() + " | " + row.getValue() + " |\n")
                .collect(Collectors.joining());
        return "| | |\n|---|---|\n" + rows + problems("lost", comparison.lost())
                + problems("duplicated", comparison.duplicated()) + problems("changed", comparison.changed())
                + problems("deltas", comparison.deltaMismatches());
    }

    private static String problems(String kind, List<String> what) {
        return what.stream().limit(10).map(each -> kind + ": " + each + "\n").collect(Collectors.joining());
    }

    /** All of it. */
    String json() {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json = mapper.createObjectNode();
        figures.forEach((name, value) -> json.set(key(name), mapper.valueToTree(value)));
        ArrayNode events = json.putArray("events");
        for (Disturber.Outcome outcome : outcomes) {
            events.addObject().put("at_seconds", round(outcome.at().toMillis() / 1000.0))
                    .put("event", outcome.disturbance().toString()).put("waiting", outcome.waiting())
                    .put("in_mid_turn", outcome.inMidTurn())
                    .put("recovery_seconds", round(outcome.recovery().toMillis() / 1000.0));
        }
        json.set("problems", mapper.valueToTree(Map.of("lost", comparison.lost(), "duplicated",
                comparison.duplicated(), "changed", comparison.changed(), "deltas", comparison.deltaMismatches())));
        return json.toPrettyString();
    }

    private static String key(String name) {
        return name.strip().toLowerCase(Locale.ROOT).replaceAll("[^a-z]+", "_");
    }
}
