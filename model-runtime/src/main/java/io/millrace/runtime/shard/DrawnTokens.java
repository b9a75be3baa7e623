package io.millrace.runtime.shard;

import io.millrace.runtime.sampling.Alternative;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What came of a {@link MicroBatch}, on its way back to the engine that sent it.
 *
 * @param number of the micro-batch
 * @param parts those that every stage has computed, in their order
 * @param computeNanos that the stages have computed
 */
public record DrawnTokens(long number, List<Part> parts, long computeNanos) implements StepOutput {

    /**
     * A part that was computed.
     *
     * @param index of the part
     * @param tokens drawn from its rows, none when it asked for none; those behind the first draft that was not drawn are
     *        missing
     */
    public record Part(int index, List<Token> tokens) {
        /** The tokens as {@link Draws} would have them. */
        public DrawnRows rows() {
            List<Draw> draws = tokens.stream().map(Token::draw).toList();
            return draws::get;
        }
    }

    /**
     * A token.
     *
     * @param failure why nothing could be drawn, or null
     */
    public record Token(int token, float logprob, List<Alternative> alternatives, @Nullable String failure) {
        private static Token of(Draw draw) {
            RuntimeException failure = draw.failure;
            return new Token(draw.token, draw.logprob, draw.alternatives,
                    failure == null
                            ? null
                            : failure.getMessage() == null ? failure.toString() : failure.getMessage());
        }

        private Draw draw() {
            Draw draw = new Draw();
            draw.token = token;
            draw.logprob = logprob;
            draw.alternatives = alternatives;
            draw.failure = failure == null ? null : new IllegalStateException(failure);
            return draw;
        }
    }

    /** The tokens of {@code parts}, whose rows of logits follow each other. */
    static DrawnTokens of(MicroBatch batch, List<MicroBatch.Part> parts, DrawnRows rows, long computeNanos) {
        List<Part> drawn = new ArrayList<>(parts.size());
        int row = 0;
        for (MicroBatch.Part part : parts) {
            List<Token> tokens = new ArrayList<>(part.drawnRows());
            boolean follows = part.drawnRows() > 0;
            for (int i = 0; follows; i++) {
                Draw draw = rows.row(row + i);
                tokens.add(Token.of(draw));
                follows = i + 1 < part.drawnRows() && draw.failure == null && part.rowDrawing() != null
                        && part.rowDrawing().draft(i) == draw.token;
            }
            drawn.add(new Part(part.index(), tokens));
            row += part.drawnRows();
        }
        return new DrawnTokens(batch.number(), drawn, batch.computeNanos() + computeNanos);
    }
}
