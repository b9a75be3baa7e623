package io.millrace.training.run;

import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.sampling.Logprobs;
import io.millrace.training.tokens.TrainingSequence;
import java.nio.file.Path;
import java.util.Iterator;

/**
 * How surprised a model is by what it should say.
 *
 * @param tokens that it had to predict
 * @param loss their mean negative log probability, in nats
 */
public record Perplexity(long tokens, double loss) {
    /** Rows per forward pass. */
    private static final int ROWS = 128;

    /** The perplexity: a model that is this uncertain might as well choose evenly among so many tokens. */
    public double value() {
        return Math.exp(loss);
    }

    /**
     * Measures a model on the learned tokens of sequences, with the runtime's decoder and a cache of f32, so that what is
     * measured is the model.
     *
     * @param model a GGUF file, or what else the runtime opens
     * @param sequences finite; of the model's own vocabulary
     * @param threads that compute; the result does not depend on them
     * @throws IllegalArgumentException when a token is not one of the model's, or nothing is to be predicted
     */
    public static Perplexity of(Path model, Iterator<TrainingSequence> sequences, int threads) {
        try (LlamaModel opened = LlamaModel.open(model, PackingOptions.inMemory(threads));
                WorkerPool workers = new WorkerPool(threads)) {
            KvLayout layout = KvLayout.of(opened.weights().config(), KvType.F32);
            int blocks = KvLayout.blocksFor(TrainingSequence.MAX_TOKENS);
            try (KvBlockPool pool = new KvBlockPool(layout, blocks * layout.blockBytes())) {
                return new Measurement(opened, pool, blocks, workers).of(sequences);
            }
        }
    }

    /** One model's buffers. */
    private static final class Measurement {
        private final Decoder decoder;
        private final Logprobs logprobs;
        private final BlockTable table = new BlockTable();
        private final Batch batch = new Batch(ROWS, ROWS);
        private long tokens;
        private double sum;

        Measurement(LlamaModel model, KvBlockPool pool, int blocks, WorkerPool workers) {
            decoder = new Decoder(model.weights(), model.packed(), KernelProvider.kernels(), workers, pool, ROWS, ROWS);
            logprobs = new Logprobs(model.weights().config().vocabSize());
            for (int i = 0; i < blocks; i++) {
                table.append(pool.allocate());
            }
        }

        Perplexity of(Iterator<TrainingSequence> sequences) {
            while (sequences.hasNext()) {
                add(sequences.next());
            }
            if (tokens == 0) {
                throw new IllegalArgumentException("sequences: they have no token that is to be predicted");
            }
            return new Perplexity(tokens, sum / tokens);
        }

        /** Every sequence has the same blocks: it overwrites those before it. */
        private void add(TrainingSequence sequence) {
            for (int from = 0; from < sequence.length(); from += ROWS) {
                int to = Math.min(sequence.length(), from + ROWS);
                batch.clear();
                for (int i = from; i < to; i++) {
                    batch.add(sequence.tokens()[i], i, table, predicts(sequence, i));
                }
                decoder.forward(batch);
                int logitRow = 0;
                for (int i = from; i < to; i++) {
                    if (predicts(sequence, i)) {
                        float[] logits = decoder.logits(logitRow++);
                        logprobs.of(logits, 1);
                        sum -= logprobs.ofLogit(logits[sequence.tokens()[i + 1]]);
                        tokens++;
                    }
                }
            }
        }

        /** Whether a position's logits are those of a token that is learned. */
        private static boolean predicts(TrainingSequence sequence, int position) {
            return position + 1 < sequence.length() && sequence.learned(position + 1);
        }
    }
}
