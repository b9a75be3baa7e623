package io.millrace.operator.session;

import io.millrace.operator.OperatorSettings;
import io.millrace.runtime.engine.GenerationListener;
import io.millrace.runtime.engine.GenerationRequest;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.schemas.PromptEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.flink.configuration.Configuration;

/** The engine without the operator: what a session's text must be equal to. */
final class DirectEngine implements AutoCloseable {
    private final SharedEngine engine;
    private final PromptValidator validator;

    DirectEngine(Configuration options) {
        OperatorSettings settings = OperatorSettings.of(options);
        engine = SharedEngine.open(settings);
        validator = new PromptValidator(settings, engine.tokenizer().vocabularySize());
    }

    List<Integer> stopTokens() {
        return engine.stopTokens();
    }

    /** Tokens of a text. */
    int[] text(String text) {
        return engine.tokenizer().encode(text);
    }

    int pythonTag() {
        return engine.tokenizer().specials().pythonTag();
    }

    int[] start() {
        return engine.format().encodeConversationStart();
    }

    /** A user's message and the open header of its answer. */
    int[] user(String text) {
        return concat(engine.format().encode(List.of(new Message(Role.USER, text))), engine.format().openAssistant());
    }

    /** A system message. */
    int[] system(String text) {
        return engine.format().encode(List.of(new Message(Role.SYSTEM, text)));
    }

    /** What follows an answer in the history: the end of its message, unless it said that itself. */
    int[] closed(int[] answer) {
        int last = answer[answer.length - 1];
        return last == engine.tokenizer().specials().endOfTurn() || last == engine.tokenizer().specials().endOfMessage()
                ? answer
                : concat(answer, new int[]{engine.tokenizer().specials().endOfTurn()});
    }

    /** The control tokens among {@code tokens}. */
    int[] specials(int[] tokens) {
        return IntStream.of(tokens).filter(engine.tokenizer()::isSpecial).toArray();
    }

    static int[] concat(int[]... parts) {
        return IntStream.range(0, parts.length).mapToObj(i -> parts[i]).flatMapToInt(IntStream::of).toArray();
    }

    /** What the model says after {@code tokens}, computed in one run of its own, with the parameters of {@code prompt}. */
    int[] generate(int[] tokens, PromptEvent.Builder prompt) throws Exception {
        return generate(tokens, 0, prompt);
    }

    /** The same for a turn whose last {@code generated} of {@code tokens} are its answer so far; returns what comes after. */
    int[] generate(int[] tokens, int generated, PromptEvent.Builder prompt) throws Exception {
        Prompt asked = validator.validate(prompt.build());
        CompletableFuture<int[]> answer = new CompletableFuture<>();
        List<Integer> said = new ArrayList<>();
        var sequence = engine.engine().open(new GenerationListener() {
            @Override
            public void onStep(GenerationStep step) {
                if (step.token() >= 0) {
                    said.add(step.token());
                }
                if (step.finish() != null) {
                    answer.complete(said.stream().mapToInt(Integer::intValue).toArray());
                }
            }

            @Override
            public void onEvictionRequest() {
                throw new AssertionError("one sequence alone is never evicted");
            }

            @Override
            public void onEngineFailure(Throwable cause) {
                answer.completeExceptionally(cause);
            }
        });
        engine.engine().submit(sequence,
                new GenerationRequest(asked.id(), tokens, generated, asked.sampling(), asked.maxNewTokens(),
                        engine.stopTokens(),
                        asked.stop(), -1, 0, Long.MAX_VALUE, "", null));
        try {
            return answer.get(2, TimeUnit.MINUTES);
        } finally {
            engine.engine().release(sequence);
        }
    }

    @Override
    public void close() {
        engine.close();
    }
}
