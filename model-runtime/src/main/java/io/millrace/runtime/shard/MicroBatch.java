package io.millrace.runtime.shard;

import io.millrace.runtime.sampling.SamplingParameters;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The rows of one step on their way from shard to shard. Whoever takes it owns its arrays.
 *
 * @param number of the step; what comes back has the same
 * @param parts the rows of each sequence, in the order of the rows
 * @param hidden the residual stream behind the sender's layers, {@code [row][hidden]}
 * @param blocksUsed of the engine's arena, and so of every stage's
 * @param computeNanos that the stages so far have computed
 */
public record MicroBatch(long number, List<Part> parts, float[] hidden, int blocksUsed, long computeNanos)
        implements
            StepOutput {

    /**
     * A sequence's rows, at consecutive positions.
     *
     * @param index of the part when the engine sent it: stages leave parts out that they cannot compute
     * @param sequence the engine's name for it; the stage keeps its block table under it
     * @param position of the first row
     * @param rows one or more
     * @param blocksFrom the block table is as it was up to this index, exclusive
     * @param blocks and goes on with these
     * @param restoreFrom positions from here, the first of a block, ...
     * @param restoreTo ... up to here, exclusive, are to be copied from what was saved before; nothing when both are equal
     * @param rowDrawing how to draw from the logits of the last rows; null when none of them is wanted
     */
    public record Part(int index, String sequence, int position, int rows, int blocksFrom, int[] blocks,
            int restoreFrom, int restoreTo, @Nullable RowDrawing rowDrawing) {

        /** Rows whose logits are drawn from, the last ones of the part. */
        int drawnRows() {
            return rowDrawing == null ? 0 : 1 + rowDrawing.drafted();
        }
    }

    /**
     * How the tokens of a part are drawn.
     *
     * @param tokens the known ones and the drafted ones where {@code sampling} reads them, else none
     * @param drafts the drafted ones
     */
    public record RowDrawing(SamplingParameters sampling, int topLogprobs, int promptTokens, int known, int[] tokens,
            int[] drafts) implements Drawing {
        @Override
        public int drafted() {
            return drafts.length;
        }

        @Override
        public int draft(int i) {
            return drafts[i];
        }
    }

    /** Rows of all parts. */
    public int rows() {
        int rows = 0;
        for (Part part : parts) {
            rows += part.rows();
        }
        return rows;
    }
}
