package io.millrace.runtime.engine;

import io.millrace.runtime.engine.GenerationStep.TokenLogprob;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.sampling.Logprobs;
import io.millrace.runtime.sampling.Sampler;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Draws the tokens of a step, the sequences side by side on the workers: with a large vocabulary that takes a noticeable part
 * of a step, and what a sequence draws depends on nothing of the others. Engine thread only.
 */
final class Draws {
    private final Decoder decoder;
    private final WorkerPool workers;
    /** By worker. */
    private final Sampler[] samplers;
    private final Logprobs[] logprobs;
    /** By row of logits. */
    private final Draw[] draws;
    /** Those that draw in this step, and the row of logits at which each begins. */
    private final List<Sequence> sequences = new ArrayList<>();
    private final int[] firstRows;
    private int rows;
    private final WorkerPool.Task draw = this::draw;

    /** What was drawn from a row of logits. */
    static final class Draw {
        /** Undefined after a failure. */
        int token;
        /** NaN when not asked for. */
        float logprob;
        List<TokenLogprob> alternatives = List.of();
        /** Why nothing could be drawn. */
        @Nullable
        RuntimeException failure;
    }

    /** @param maxRows rows of logits of the largest step */
    Draws(Decoder decoder, WorkerPool workers, int vocabulary, int maxRows) {
        this.decoder = decoder;
        this.workers = workers;
        samplers = new Sampler[workers.threads()];
        logprobs = new Logprobs[workers.threads()];
        for (int i = 0; i < samplers.length; i++) {
            samplers[i] = new Sampler(vocabulary);
            logprobs[i] = new Logprobs(vocabulary);
        }
        draws = new Draw[maxRows];
        for (int i = 0; i < maxRows; i++) {
            draws[i] = new Draw();
        }
        firstRows = new int[maxRows];
    }

    void clear() {
        sequences.clear();
        rows = 0;
    }

    /** The sequence has the next rows of logits: that of its last known token, and one for each drafted token. */
    void add(Sequence sequence) {
        firstRows[sequences.size()] = rows;
        sequences.add(sequence);
        rows += 1 + sequence.drafted();
    }

    /**
     * Draws a token from each sequence's first row, and from each next one as long as the token drawn before is the one that
     * was drafted: then that row was computed from the sequence's own tokens, and gives what a step of its own would have given.
     */
    void run() {
        workers.run(sequences.size(), draw);
    }

    /** What {@link #run} drew from a row of logits; undefined for rows behind the first draft that was not drawn. */
    Draw row(int row) {
        return draws[row];
    }

    private void draw(int task, int worker) {
        Sequence sequence = sequences.get(task);
        int known = sequence.known();
        int drafted = sequence.drafted();
        for (int i = 0; i <= drafted; i++) {
            Draw row = draws[firstRows[task] + i];
            draw(sequence, known + i, firstRows[task] + i, worker, row);
            if (i == drafted || row.failure != null || sequence.tokens()[known + i] != row.token) {
                return;
            }
        }
    }

    /** @param known tokens, accepted drafts included */
    private void draw(Sequence sequence, int known, int row, int worker, Draw result) {
        Turn turn = sequence.turn();
        float[] logits = decoder.logits(row);
        result.failure = null;
        result.logprob = Float.NaN;
        result.alternatives = List.of();
        try {
            result.token = samplers[worker].sample(logits, turn.request.sampling(), sequence.tokens(), known,
                    turn.promptTokens, known);
            int top = turn.request.topLogprobs();
            if (top >= 0) {
                logprobs[worker].of(logits, top);
                result.logprob = logprobs[worker].ofLogit(logits[result.token]);
                result.alternatives = alternatives(logprobs[worker]);
            }
        } catch (RuntimeException e) {
            result.failure = e;
        }
    }

    private static List<TokenLogprob> alternatives(Logprobs logprobs) {
        List<TokenLogprob> alternatives = new ArrayList<>(logprobs.size());
        for (int i = 0; i < logprobs.size(); i++) {
            alternatives.add(new TokenLogprob(logprobs.token(i), logprobs.logprob(i)));
        }
        return List.copyOf(alternatives);
    }
}
