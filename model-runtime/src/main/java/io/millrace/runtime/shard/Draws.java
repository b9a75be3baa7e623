package io.millrace.runtime.shard;

import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.sampling.Alternative;
import io.millrace.runtime.sampling.Logprobs;
import io.millrace.runtime.sampling.Sampler;
import java.util.ArrayList;
import java.util.List;

/**
 * Draws the tokens of a step, the sequences side by side on the workers: with a large vocabulary that takes a noticeable part
 * of a step, and what a sequence draws depends on nothing of the others. Used by the thread that computes.
 */
public final class Draws implements DrawnRows {
    private final Decoder decoder;
    private final WorkerPool workers;
    /** By worker. */
    private final Sampler[] samplers;
    private final Logprobs[] logprobs;
    /** By row of logits. */
    private final Draw[] draws;
    /** Those that draw in this step, and the row of logits at which each begins. */
    private final List<Drawing> drawings = new ArrayList<>();
    private final int[] firstRows;
    private int rows;
    private final WorkerPool.Task draw = this::draw;

    /**
     * @param decoder whose logits are drawn from
     * @param maxRows rows of logits of the largest step
     */
    public Draws(Decoder decoder, WorkerPool workers, int vocabulary, int maxRows) {
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

    /** A step begins. */
    public void clear() {
        drawings.clear();
        rows = 0;
    }

    /** The sequence has the next rows of logits: that of its last known token, and one for each drafted token. */
    public void add(Drawing drawing) {
        firstRows[drawings.size()] = rows;
        drawings.add(drawing);
        rows += 1 + drawing.drafted();
    }

    /**
     * Draws a token from each sequence's first row, and from each next one as long as the token drawn before is the one that
     * was drafted: then that row was computed from the sequence's own tokens, and gives what a step of its own would have given.
     */
    public void run() {
        workers.run(drawings.size(), draw);
    }

    @Override
    public Draw row(int row) {
        return draws[row];
    }

    private void draw(int task, int worker) {
        Drawing drawing = drawings.get(task);
        int drafted = drawing.drafted();
        for (int i = 0; i <= drafted; i++) {
            Draw row = draws[firstRows[task] + i];
            draw(drawing, drawing.known() + i, firstRows[task] + i, worker, row);
            if (i == drafted || row.failure != null || drawing.draft(i) != row.token) {
                return;
            }
        }
    }

    /** @param known tokens, accepted drafts included */
    private void draw(Drawing drawing, int known, int row, int worker, Draw result) {
        float[] logits = decoder.logits(row);
        result.failure = null;
        result.logprob = Float.NaN;
        result.alternatives = List.of();
        try {
            result.token = samplers[worker].sample(logits, drawing.sampling(), drawing.tokens(), known,
                    drawing.promptTokens(), known);
            int top = drawing.topLogprobs();
            if (top >= 0) {
                logprobs[worker].of(logits, top);
                result.logprob = logprobs[worker].ofLogit(logits[result.token]);
                result.alternatives = alternatives(logprobs[worker]);
            }
        } catch (RuntimeException e) {
            result.failure = e;
        }
    }

    private static List<Alternative> alternatives(Logprobs logprobs) {
        List<Alternative> alternatives = new ArrayList<>(logprobs.size());
        for (int i = 0; i < logprobs.size(); i++) {
            alternatives.add(new Alternative(logprobs.token(i), logprobs.logprob(i)));
        }
        return List.copyOf(alternatives);
    }
}
