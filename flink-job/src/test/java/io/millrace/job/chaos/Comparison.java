package io.millrace.job.chaos;

import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Usage;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A disturbed run beside the undisturbed one, bit for bit. Times may differ, and how much of a prompt came from a cache.
 *
 * @param lost requests without an answer
 * @param duplicated requests that were answered again
 * @param changed answers that differ, and answers to what nobody asked
 * @param deltaMismatches requests whose deltas are not their completion
 */
record Comparison(List<String> lost, List<String> duplicated, List<String> changed, List<String> deltaMismatches) {

    static Comparison of(Map<String, CompletionEvent> undisturbed, Transcript disturbed, Set<String> streamed) {
        List<String> lost = new ArrayList<>();
        List<String> changed = new ArrayList<>();
        List<String> mismatches = new ArrayList<>();
        for (String id : new TreeSet<>(undisturbed.keySet())) {
            CompletionEvent is = disturbed.completion(id);
            if (is == null) {
                lost.add(id);
                continue;
            }
            difference(Objects.requireNonNull(undisturbed.get(id)), is)
                    .ifPresent(what -> changed.add(id + ": " + what));
            if (streamed.contains(id)) {
                mismatch(is, disturbed.deltas(id)).ifPresent(what -> mismatches.add(id + ": " + what));
            }
        }
        for (String id : new TreeSet<>(disturbed.completions().keySet())) {
            if (!undisturbed.containsKey(id)) {
                changed.add(id + ": nobody asked");
            }
        }
        return new Comparison(lost, disturbed.duplicated(), changed, mismatches);
    }

    /** The first difference that counts. */
    static Optional<String> difference(CompletionEvent was, CompletionEvent is) {
        CompletionChoice wasChoice = was.getChoices().getFirst();
        CompletionChoice isChoice = is.getChoices().getFirst();
        return first("error", was.getError(), is.getError())
                .or(() -> first("message", wasChoice.getMessage(), isChoice.getMessage()))
                .or(() -> first("finish_reason", wasChoice.getFinishReason(), isChoice.getFinishReason()))
                .or(() -> first("logprobs", wasChoice.getLogprobs(), isChoice.getLogprobs()))
                .or(() -> first("usage.prompt_tokens", prompt(was.getUsage()), prompt(is.getUsage())))
                .or(() -> first("usage.completion_tokens", completion(was.getUsage()), completion(is.getUsage())))
                .or(() -> first("turn", was.getTurn(), is.getTurn()))
                .or(() -> first("system_fingerprint", was.getSystemFingerprint(), is.getSystemFingerprint()))
                .or(() -> first("id", was.getId(), is.getId()));
    }

    private static Optional<String> first(String field, @Nullable Object was, @Nullable Object is) {
        return Objects.equals(was, is) ? Optional.empty() : Optional.of(field + ": was " + was + ", is " + is);
    }

    private static @Nullable Integer prompt(@Nullable Usage usage) {
        return usage == null ? null : usage.getPromptTokens();
    }

    private static @Nullable Integer completion(@Nullable Usage usage) {
        return usage == null ? null : usage.getCompletionTokens();
    }

    /** What keeps the deltas from being the completion. */
    static Optional<String> mismatch(CompletionEvent completion, @Nullable DeltaText deltas) {
        if (deltas == null) {
            return Optional.of("no deltas");
        }
        CompletionChoice choice = completion.getChoices().getFirst();
        String content = choice.getMessage() == null ? null : choice.getMessage().getContent();
        return deltas.problem()
                .or(() -> first("text of deltas", content == null ? "" : content, deltas.text()))
                .or(() -> first("finish_reason of deltas", choice.getFinishReason(), deltas.finishReason()));
    }

    boolean clean() {
        return lost.isEmpty() && duplicated.isEmpty() && changed.isEmpty() && deltaMismatches.isEmpty();
    }
}
