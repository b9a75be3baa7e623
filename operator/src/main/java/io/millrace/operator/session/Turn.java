package io.millrace.operator.session;

import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.schemas.TokenLogprob;
import io.millrace.schemas.state.RunningTurn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A turn in flight: its resolved parameters, and what it has said so far. Task thread only. */
final class Turn {

    /**
     * What was asked for, with every default filled in.
     *
     * @param maxNewTokens at most this many tokens are generated
     * @param topLogprobs alternatives listed per token; -1 when no log probabilities are wanted
     * @param deadlineMillis when the turn is ended, since 1970-01-01 UTC; null for never
     * @param callsTools false when the answer is text whatever it looks like
     */
    record Parameters(SamplingParameters sampling, int maxNewTokens, List<String> stop, int topLogprobs, int priority,
            @Nullable Long deadlineMillis, boolean stream, boolean callsTools) {}

    final Parameters parameters;
    /** Tokens of the conversation before this turn; it falls back to them when the turn fails. */
    final int historyTokens;
    /** Tokens before the first generated one. */
    final int promptTokens;
    final StringBuilder text = new StringBuilder();
    final List<TokenLogprob> logprobs = new ArrayList<>();
    int streamedChars;
    int deltaSeq;
    /** Prompt positions that were not computed in this turn; null until its first token. */
    @Nullable
    Integer cachedTokens;
    @Nullable
    Double queueMillis;
    @Nullable
    Double firstTokenMillis;
    /** When this process submitted it, since 1970-01-01 UTC. */
    long submittedMillis;
    /** When its last step ended, since 1970-01-01 UTC. */
    double lastStepMillis;
    /** How often the engine has taken its blocks, in this stay. */
    int preemptions;
    /** Whether it was begun in an earlier stay in an engine. */
    boolean restored;
    /** How often it was restored from a checkpoint or savepoint. */
    int restarts;
    /** Positions that were computed again because of that. */
    int recomputedTokens;
    /** Positions that were computed before this stay; 0 once it is known which are computed again. */
    int computedBefore;
    /** Whether the answer has come to {@code <|python_tag|>}: what follows is a tool call, not content. */
    boolean pythonTagged;

    Turn(Parameters parameters, int historyTokens, int promptTokens) {
        this.parameters = parameters;
        this.historyTokens = historyTokens;
        this.promptTokens = promptTokens;
    }

    static Turn of(RunningTurn saved) {
        Map<Integer, Float> bias = new LinkedHashMap<>();
        saved.getLogitBias().forEach((token, value) -> bias.put(Integer.valueOf(token), value));
        SamplingParameters sampling = new SamplingParameters(saved.getTemperature(), saved.getTopK(), saved.getTopP(),
                saved.getMinP(), saved.getRepetitionPenalty(), saved.getPresencePenalty(), saved.getFrequencyPenalty(),
                bias, saved.getSeed());
        Parameters parameters = new Parameters(sampling, saved.getMaxNewTokens(), List.copyOf(saved.getStop()),
                saved.getTopLogprobs(), saved.getPriority(), saved.getDeadlineMs(), saved.getStream(),
                saved.getCallsTools());
        Turn turn = new Turn(parameters, saved.getHistoryTokens(), saved.getPromptTokens());
        turn.text.append(saved.getText());
        turn.logprobs.addAll(saved.getLogprobs());
        turn.streamedChars = saved.getStreamedChars();
        turn.deltaSeq = saved.getDeltaSeq();
        turn.cachedTokens = saved.getCachedTokens();
        turn.queueMillis = saved.getQueueMs();
        turn.firstTokenMillis = saved.getFirstTokenMs();
        turn.restarts = saved.getRestarts();
        turn.recomputedTokens = saved.getRecomputedTokens();
        return turn;
    }

    /** Another stay in an engine begins: makes up for what is not in state. */
    void resumed(int[] generated, int pythonTag, int computedPositions) {
        restored = true;
        computedBefore = computedPositions;
        for (int token : generated) {
            pythonTagged |= token == pythonTag;
        }
    }

    RunningTurn toRecord() {
        SamplingParameters sampling = parameters.sampling();
        Map<String, Float> bias = new LinkedHashMap<>();
        sampling.logitBias().forEach((token, value) -> bias.put(token.toString(), value));
        return RunningTurn.newBuilder().setHistoryTokens(historyTokens).setPromptTokens(promptTokens)
                .setMaxNewTokens(parameters.maxNewTokens()).setTemperature(sampling.temperature())
                .setTopK(sampling.topK()).setTopP(sampling.topP()).setMinP(sampling.minP())
                .setRepetitionPenalty(sampling.repetitionPenalty()).setPresencePenalty(sampling.presencePenalty())
                .setFrequencyPenalty(sampling.frequencyPenalty()).setLogitBias(bias).setSeed(sampling.seed())
                .setStop(parameters.stop()).setTopLogprobs(parameters.topLogprobs()).setPriority(parameters.priority())
                .setDeadlineMs(parameters.deadlineMillis()).setStream(parameters.stream())
                .setCallsTools(parameters.callsTools()).setDeltaSeq(deltaSeq)
                .setText(text.toString()).setStreamedChars(streamedChars).setLogprobs(new ArrayList<>(logprobs))
                .setCachedTokens(cachedTokens).setQueueMs(queueMillis).setFirstTokenMs(firstTokenMillis)
                .setRestarts(restarts).setRecomputedTokens(recomputedTokens).build();
    }
}
