package io.millrace.job.bench.load;

import io.millrace.job.bench.DecoderBench;
import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.model.LlamaModel;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import java.util.stream.Collectors;

/**
 * Computes the positions of an earlier load with nothing but forward passes, and as few of them as there can be: each turn's
 * prompts in passes as large as the engine's, then one row per conversation and step. Nothing is scheduled, drawn or told, so
 * this is the most that an engine with this decoder can reach.
 */
final class DecoderLoad implements AutoCloseable {
    private final KvBlockPool pool;
    private final WorkerPool workers;
    private final Decoder decoder;
    private final Batch batch;
    private final int vocabulary;
    private final SplittableRandom random = new SplittableRandom(1);

    /** @param model not owned */
    DecoderLoad(LlamaModel model, KvType kvType, long kvBytes, int threads, int conversations) {
        vocabulary = model.weights().config().vocabSize();
        pool = new KvBlockPool(KvLayout.of(model.weights().config(), kvType), kvBytes);
        workers = new WorkerPool(threads);
        try {
            int rows = Math.max(DecoderBench.MAX_ROWS, conversations);
            batch = new Batch(rows, conversations);
            decoder = new Decoder(model.weights(), model.packed(), KernelProvider.kernels(), workers, pool, rows,
                    conversations);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /**
     * Computes everything once.
     *
     * @param load turns of earlier conversations that kept their history
     * @param heard hears 1 for each token that a user would have got
     * @return those tokens per second
     */
    double run(List<TurnTimes> load, IntConsumer heard) {
        List<Conversation> conversations = load.stream()
                .collect(Collectors.groupingBy(TurnTimes::conversation, TreeMap::new, Collectors.toList())).values()
                .stream().map(Conversation::new).toList();
        long start = System.nanoTime();
        int turns = conversations.getFirst().script.size();
        for (int turn = 0; turn < turns; turn++) {
            computePrompts(conversations, turn);
            computeAnswers(conversations, turn, heard);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        conversations.forEach(Conversation::free);
        return load.stream().mapToLong(TurnTimes::answerTokens).sum() / seconds;
    }

    private void computePrompts(List<Conversation> conversations, int turn) {
        batch.clear();
        for (Conversation conversation : conversations) {
            int end = conversation.script.get(turn).promptTokens();
            while (conversation.computed < end) {
                if (batch.rows() == DecoderBench.MAX_ROWS) {
                    forward();
                }
                conversation.add(conversation.computed == end - 1);
            }
        }
        forward();
    }

    /** The last token of an answer is computed with the next prompt. */
    private void computeAnswers(List<Conversation> conversations, int turn, IntConsumer heard) {
        heard.accept(conversations.size());
        int answer = conversations.stream().mapToInt(each -> each.script.get(turn).answerTokens()).max().orElseThrow();
        for (int step = 1; step < answer; step++) {
            for (Conversation conversation : conversations) {
                if (step < conversation.script.get(turn).answerTokens()) {
                    conversation.add(true);
                }
            }
            heard.accept(batch.rows());
            forward();
        }
    }

    private void forward() {
        decoder.forward(batch);
        batch.clear();
    }

    @Override
    public void close() {
        workers.close();
        pool.close();
    }

    private final class Conversation {
        final List<TurnTimes> script;
        private final BlockTable blocks = new BlockTable();
        private int computed;

        Conversation(List<TurnTimes> turns) {
            script = new ArrayList<>(turns);
            script.sort(Comparator.comparingInt(TurnTimes::turn));
        }

        /** Adds its next position to the batch. */
        void add(boolean wantLogits) {
            if (computed == blocks.positions()) {
                blocks.append(pool.allocate());
            }
            batch.add(random.nextInt(vocabulary), computed++, blocks, wantLogits);
        }

        void free() {
            for (int i = 0; i < blocks.size(); i++) {
                pool.release(blocks.get(i));
            }
        }
    }
}
