package io.millrace.job;

import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.engine.GenerationListener;
import io.millrace.runtime.engine.GenerationRequest;
import io.millrace.runtime.engine.GenerationStep;
import io.millrace.runtime.engine.Sequence;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.runtime.tokenizer.SpecialTokens;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.model.LlamaModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The engine alone, without Flink and Kafka: what it says is what the job must say. */
final class DirectEngine implements AutoCloseable {
    private final LlamaModel model;
    private final Tokenizer tokenizer;
    private final ChatFormat format;
    private final Engine engine;

    DirectEngine(Path file) {
        model = LlamaModel.open(file, PackingOptions.inMemory(1));
        tokenizer = model.tokenizer();
        format = new ChatFormat(tokenizer);
        engine = Engine.start(model, EngineOptions.defaults().withKvBytes(64 << 20).withThreads(1));
    }

    List<Integer> conversationStart() {
        return boxed(format.encodeConversationStart());
    }

    /** A user's message and the open header of the answer to it. */
    List<Integer> ask(String text) {
        List<Integer> ids = boxed(format.encode(List.of(new Message(Role.USER, text))));
        ids.addAll(boxed(format.openAssistant()));
        return ids;
    }

    /** Ids of plain text. */
    List<Integer> encode(String text) {
        return boxed(tokenizer.encode(text));
    }

    /** Ids that only the prompt format may use. */
    List<Integer> specials() {
        SpecialTokens specials = tokenizer.specials();
        return List.of(specials.beginOfText(), specials.endOfText(), specials.startHeader(), specials.endHeader(),
                specials.endOfTurn(), specials.endOfMessage(), specials.pythonTag());
    }

    int endOfTurn() {
        return tokenizer.specials().endOfTurn();
    }

    List<Integer> stopTokens() {
        return tokenizer.specials().stopTokens();
    }

    /** The answer to a whole history, computed in one run from nothing. */
    List<Integer> generate(List<Integer> history, int maxNewTokens, double temperature, long seed) throws Exception {
        CompletableFuture<List<Integer>> answer = new CompletableFuture<>();
        List<Integer> said = new ArrayList<>();
        Sequence sequence = engine.open(new GenerationListener() {
            @Override
            public void onStep(GenerationStep step) {
                if (step.token() >= 0) {
                    said.add(step.token());
                }
                if (step.finish() != null) {
                    answer.complete(said);
                }
            }

            @Override
            public void onEvictionRequest() {}

            @Override
            public void onEngineFailure(Throwable cause) {
                answer.completeExceptionally(cause);
            }
        });
        SamplingParameters sampling = new SamplingParameters((float) temperature, 0, 0.9f, 0, 1, 0, 0, Map.of(), seed);
        engine.submit(sequence,
                new GenerationRequest("direct", history.stream().mapToInt(Integer::intValue).toArray(), 0,
                        sampling, maxNewTokens, stopTokens(), List.of(), -1, 0, Long.MAX_VALUE, "", null));
        try {
            return answer.get(2, TimeUnit.MINUTES);
        } finally {
            engine.release(sequence);
        }
    }

    private static List<Integer> boxed(int[] ids) {
        List<Integer> list = new ArrayList<>();
        for (int id : ids) {
            list.add(id);
        }
        return list;
    }

    @Override
    public void close() {
        engine.close();
        model.close();
    }
}
