package io.millrace.operator.session;

import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.sampling.Alternative;
import io.millrace.runtime.prompt.Answer;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeltaChoice;
import io.millrace.schemas.FunctionCall;
import io.millrace.schemas.Logprobs;
import io.millrace.schemas.Message;
import io.millrace.schemas.MessageDelta;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.PromptTokensDetails;
import io.millrace.schemas.Timings;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.TokenLogprob;
import io.millrace.schemas.ToolCall;
import io.millrace.schemas.TopLogprob;
import io.millrace.schemas.Usage;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes what goes out: completions, token deltas, log probabilities. Ids are functions of the request's id, so an answer that
 * is produced again after a failure has the same ones.
 */
final class Answers {
    private static final String ASSISTANT = "assistant";

    private final Tokenizer tokenizer;
    private final String model;
    private final String fingerprint;

    Answers(Tokenizer tokenizer, String model, String fingerprint) {
        this.tokenizer = tokenizer;
        this.model = model;
        this.fingerprint = fingerprint;
    }

    /** A request that has no answer, and why; {@code finishReason} is error or cancelled. */
    CompletionEvent unanswered(PromptEvent prompt, @Nullable Integer turn, long nowMillis, String finishReason,
            @Nullable CompletionError error) {
        CompletionChoice choice = new CompletionChoice(0, null, finishReason, null);
        return completion(prompt, turn, nowMillis).setChoices(List.of(choice)).setError(error).build();
    }

    /** A turn's answer. */
    CompletionEvent completion(PromptEvent prompt, @Nullable Integer turn, long nowMillis, Answer answer,
            String finishReason, @Nullable List<TokenLogprob> logprobs, Usage usage, Timings timings,
            @Nullable CompletionError error) {
        Message message = Message.newBuilder().setRole(ASSISTANT).setContent(content(answer))
                .setToolCalls(toolCalls(prompt, answer)).build();
        CompletionChoice choice = new CompletionChoice(0, message, finishReason,
                logprobs == null ? null : new Logprobs(new ArrayList<>(logprobs)));
        return completion(prompt, turn, nowMillis).setChoices(List.of(choice)).setUsage(usage).setTimings(timings)
                .setError(error).build();
    }

    private CompletionEvent.Builder completion(PromptEvent prompt, @Nullable Integer turn, long nowMillis) {
        return CompletionEvent.newBuilder().setId(completionId(prompt)).setRequestId(prompt.getId())
                .setConversationId(prompt.getConversationId()).setTurn(turn).setCreated(nowMillis / 1000)
                .setModel(model)
                .setSystemFingerprint(fingerprint);
    }

    /** More text of a running turn. */
    TokenDelta delta(PromptEvent prompt, int seq, String text) {
        return delta(prompt, seq, text, List.of(), null, null);
    }

    /** The end of a running turn, with the text and the tool calls that were not said yet. */
    TokenDelta lastDelta(PromptEvent prompt, int seq, String text, Answer answer, String finishReason,
            @Nullable Usage usage) {
        return delta(prompt, seq, text.isEmpty() ? null : text, toolCalls(prompt, answer), finishReason, usage);
    }

    private static TokenDelta delta(PromptEvent prompt, int seq, @Nullable String text, List<ToolCall> toolCalls,
            @Nullable String finishReason, @Nullable Usage usage) {
        MessageDelta delta = new MessageDelta(seq == 0 ? ASSISTANT : null, text, toolCalls);
        return TokenDelta.newBuilder().setId(completionId(prompt)).setRequestId(prompt.getId())
                .setConversationId(prompt.getConversationId()).setSeq(seq)
                .setChoices(List.of(new DeltaChoice(0, delta, finishReason))).setUsage(usage).build();
    }

    private static String completionId(PromptEvent prompt) {
        return "cmpl-" + prompt.getId();
    }

    /** The text that belongs to the message; null when it only calls tools. */
    static @Nullable String content(Answer answer) {
        return switch (answer) {
            case Answer.Content(String text) -> text;
            case Answer.ToolCalls(String content, var _) -> content.isEmpty() ? null : content;
        };
    }

    private static List<ToolCall> toolCalls(PromptEvent prompt, Answer answer) {
        List<ToolCall> calls = new ArrayList<>();
        if (answer instanceof Answer.ToolCalls(var _, var found)) {
            for (int i = 0; i < found.size(); i++) {
                calls.add(new ToolCall("call-" + prompt.getId() + "-" + i, "function",
                        new FunctionCall(found.get(i).name(), found.get(i).arguments())));
            }
        }
        return calls;
    }

    static Usage usage(int promptTokens, int cachedTokens, int completionTokens, int recomputedTokens) {
        return new Usage(promptTokens, completionTokens, promptTokens + completionTokens,
                new PromptTokensDetails(cachedTokens), recomputedTokens);
    }

    /** The log probability of a step's token. */
    TokenLogprob logprob(GenerationStep step) {
        List<TopLogprob> top = new ArrayList<>();
        for (Alternative each : step.alternatives()) {
            top.add(new TopLogprob(tokenizer.display(each.token()), each.token(), (double) each.logprob(),
                    bytes(each.token())));
        }
        return new TokenLogprob(tokenizer.display(step.token()), step.token(), (double) step.logprob(),
                bytes(step.token()), top);
    }

    private List<Integer> bytes(int token) {
        List<Integer> bytes = new ArrayList<>();
        for (byte b : tokenizer.bytes(token)) {
            bytes.add(b & 0xff);
        }
        return bytes;
    }
}
