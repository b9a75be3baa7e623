package io.millrace.job.chaos;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.TokenDelta;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** All that a reader of the output topics saw. Written by one thread, watched by others. */
final class Transcript {
    private final Map<String, CompletionEvent> completions = new HashMap<>();
    private final Map<String, DeltaText> deltas = new HashMap<>();
    private final List<String> duplicated = new ArrayList<>();
    private final Set<String> waiting = new HashSet<>();
    private int deadLetters;
    private long lastHeard = System.nanoTime();
    private long longestPause;

    /** A prompt is on its way. */
    synchronized void asked(String requestId) {
        if (waiting.isEmpty()) {
            lastHeard = System.nanoTime();
        }
        waiting.add(requestId);
    }

    synchronized void hear(CompletionEvent completion) {
        something();
        String id = completion.getRequestId();
        if (completions.putIfAbsent(id, completion) != null) {
            duplicated.add(id);
        }
        waiting.remove(id);
    }

    synchronized void hear(TokenDelta delta) {
        something();
        deltas.computeIfAbsent(delta.getRequestId(), _ -> new DeltaText()).hear(delta);
    }

    synchronized void hearDeadLetter() {
        deadLetters++;
    }

    private void something() {
        long now = System.nanoTime();
        if (!waiting.isEmpty()) {
            longestPause = Math.max(longestPause, now - lastHeard);
        }
        lastHeard = now;
    }

    /** Requests that were answered. */
    synchronized int answered() {
        return completions.size();
    }

    /** Requests that wait for their answer. */
    synchronized int waiting() {
        return waiting.size();
    }

    /** Requests of which a part of the answer was heard, but not its end. */
    synchronized int inMidTurn() {
        int turns = 0;
        for (String id : waiting) {
            DeltaText text = deltas.get(id);
            if (text != null && text.finishReason().isEmpty()) {
                turns++;
            }
        }
        return turns;
    }

    /** How long nothing was heard. */
    synchronized Duration silence() {
        return Duration.ofNanos(System.nanoTime() - lastHeard);
    }

    /** The longest time in which nothing came though somebody waited. */
    synchronized Duration longestPause() {
        return Duration.ofNanos(longestPause);
    }

    synchronized @Nullable CompletionEvent completion(String requestId) {
        return completions.get(requestId);
    }

    synchronized @Nullable DeltaText deltas(String requestId) {
        return deltas.get(requestId);
    }

    /** Every completion that came first for its request. */
    synchronized Map<String, CompletionEvent> completions() {
        return Map.copyOf(completions);
    }

    /** Ids of requests that were answered again, once for each time. */
    synchronized List<String> duplicated() {
        return List.copyOf(duplicated);
    }

    /** Turns that were resumed at least once. */
    synchronized long resumed() {
        return completions.values().stream().map(CompletionEvent::getTimings)
                .filter(timings -> timings != null && timings.getRestarts() > 0).count();
    }

    /** Tokens that these computed again, though a checkpoint had counted them as computed. */
    synchronized int recomputedTokens() {
        return completions.values().stream().map(CompletionEvent::getUsage)
                .mapToInt(usage -> usage == null ? 0 : usage.getRecomputedTokens()).sum();
    }

    /** Deltas that came again, over all requests. */
    synchronized int repeatedDeltas() {
        return deltas.values().stream().mapToInt(DeltaText::repeated).sum();
    }

    synchronized int deadLetters() {
        return deadLetters;
    }
}
