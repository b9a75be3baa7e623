package io.millrace.job.chaos;

import io.millrace.schemas.DeltaChoice;
import io.millrace.schemas.TokenDelta;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An answer as a reader of deltas puts it together who keeps the highest {@code seq} of each request and drops the others.
 */
final class DeltaText {
    private final List<DeltaChoice> choices = new ArrayList<>();
    private int repeated;
    private Optional<String> problem = Optional.empty();

    void hear(TokenDelta delta) {
        DeltaChoice choice = delta.getChoices().getFirst();
        int seq = delta.getSeq();
        if (seq < choices.size()) {
            repeated++;
            if (!choice.equals(choices.get(seq))) {
                complain("delta " + seq + " was " + choices.get(seq) + " and is " + choice);
            }
        } else if (seq > choices.size()) {
            complain("delta " + seq + " comes after " + choices.size() + " deltas");
        } else {
            choices.add(choice);
        }
    }

    private void complain(String what) {
        if (problem.isEmpty()) {
            problem = Optional.of(what);
        }
    }

    /** Deltas that came again. */
    int repeated() {
        return repeated;
    }

    /** What was wrong first. */
    Optional<String> problem() {
        return problem;
    }

    String text() {
        StringBuilder text = new StringBuilder();
        for (DeltaChoice choice : choices) {
            String content = choice.getDelta().getContent();
            text.append(content == null ? "" : content);
        }
        return text.toString();
    }

    /** Of the last delta; empty when the end is missing. */
    String finishReason() {
        String reason = choices.isEmpty() ? null : choices.getLast().getFinishReason();
        return reason == null ? "" : reason;
    }
}
