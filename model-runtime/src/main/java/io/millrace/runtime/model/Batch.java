package io.millrace.runtime.model;

import io.millrace.runtime.kv.BlockTable;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The rows of one forward pass, each a token at a position of some sequence; cleared and filled again for every step. The
 * rows of one sequence are added one after another, at consecutive positions, with the same {@link BlockTable} object; the
 * block table must already have room for them, and every earlier position of the sequence must have been computed.
 */
public final class Batch {
    private final int[] tokens;
    private final int[] positions;
    private final @Nullable BlockTable[] tables;
    private final int[] rowsWithLogits;
    private int rows;
    private int logitRows;

    /**
     * @param maxRows rows that fit
     * @param maxLogitRows rows of them that may ask for logits
     */
    public Batch(int maxRows, int maxLogitRows) {
        tokens = new int[maxRows];
        positions = new int[maxRows];
        tables = new BlockTable[maxRows];
        rowsWithLogits = new int[maxLogitRows];
    }

    /**
     * Adds a row.
     *
     * @param wantLogits whether the logits of the token after this one are needed
     * @return the number of its row of logits, or -1 when none were asked for
     * @throws IllegalStateException when the batch is full
     */
    public int add(int token, int position, BlockTable blocks, boolean wantLogits) {
        if (rows == tokens.length || (wantLogits && logitRows == rowsWithLogits.length)) {
            throw new IllegalStateException("batch is full: " + rows + " rows, " + logitRows + " with logits");
        }
        tokens[rows] = token;
        positions[rows] = position;
        tables[rows] = blocks;
        int logitRow = -1;
        if (wantLogits) {
            logitRow = logitRows++;
            rowsWithLogits[logitRow] = rows;
        }
        rows++;
        return logitRow;
    }

    /** Removes all rows. */
    public void clear() {
        Arrays.fill(tables, 0, rows, null);
        rows = 0;
        logitRows = 0;
    }

    /** Rows added. */
    public int rows() {
        return rows;
    }

    /** Rows that want logits. */
    public int logitRows() {
        return logitRows;
    }

    /** Token of a row. */
    public int token(int row) {
        return tokens[row];
    }

    /** Position of a row in its sequence. */
    public int position(int row) {
        return positions[row];
    }

    /** Blocks of a row's sequence. */
    public BlockTable blocks(int row) {
        return Objects.requireNonNull(tables[row]);
    }

    /** The row whose logits are row {@code logitRow} of the logits. */
    int rowOfLogits(int logitRow) {
        return rowsWithLogits[logitRow];
    }
}
