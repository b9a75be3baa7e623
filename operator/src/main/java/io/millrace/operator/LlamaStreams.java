package io.millrace.operator;

import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.TokenDelta;
import org.apache.flink.formats.avro.typeutils.AvroTypeInfo;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.util.OutputTag;

/**
 * What {@link Llama} answers.
 *
 * @param completions one per request: its answer, or why there is none. A completion is in the checkpoint after which its
 *        prompt is no longer in state, so with a transactional sink each request is answered exactly once
 */
public record LlamaStreams(SingleOutputStreamOperator<CompletionEvent> completions) {
    /** Side output of {@link #deltas()}. */
    public static final OutputTag<TokenDelta> DELTAS = new OutputTag<>("deltas", new AvroTypeInfo<>(TokenDelta.class));

    /** Side output of {@link #deadLetters()}. */
    public static final OutputTag<DeadLetter> DEAD_LETTERS = new OutputTag<>("dead-letters",
            new AvroTypeInfo<>(DeadLetter.class));

    /**
     * The text of the running turns, of the requests that stream. After a failure deltas since the last checkpoint come again,
     * with the same content: drop those whose request and number were seen.
     */
    public DataStream<TokenDelta> deltas() {
        return completions.getSideOutput(DELTAS);
    }

    /** Inputs that can be no request, with their original bytes. */
    public DataStream<DeadLetter> deadLetters() {
        return completions.getSideOutput(DEAD_LETTERS);
    }
}
