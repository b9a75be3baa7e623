package io.millrace.runtime.tokenizer;

import java.util.List;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/**
 * The control tokens of Llama 3's prompt format. Only these carry structure; no text encodes to them.
 *
 * @param beginOfText {@code <|begin_of_text|>}, once at the start of a conversation
 * @param endOfText {@code <|end_of_text|>}, ends the output of a base model
 * @param startHeader {@code <|start_header_id|>}, before a message's role
 * @param endHeader {@code <|end_header_id|>}, after it
 * @param endOfTurn {@code <|eot_id|>}, ends a message
 * @param endOfMessage {@code <|eom_id|>}, ends an answer that awaits a tool's result; -1 in a model that has none (Llama 3.0)
 * @param pythonTag {@code <|python_tag|>}, before a built-in tool's call or code; -1 in a model that has none (Llama 3.0)
 */
public record SpecialTokens(int beginOfText, int endOfText, int startHeader, int endHeader, int endOfTurn,
        int endOfMessage, int pythonTag) {

    /** The tokens that end an answer. */
    public List<Integer> stopTokens() {
        return IntStream.of(endOfText, endOfMessage, endOfTurn).filter(id -> id >= 0).boxed().toList();
    }

    /** Looks the tokens up by name; the function gives -1 for a name that the model lacks. */
    static SpecialTokens of(TokenizerSource source, ToIntFunction<String> idOf) {
        return new SpecialTokens(required(source, idOf, "<|begin_of_text|>"),
                required(source, idOf, "<|end_of_text|>"), required(source, idOf, "<|start_header_id|>"),
                required(source, idOf, "<|end_header_id|>"), required(source, idOf, "<|eot_id|>"),
                idOf.applyAsInt("<|eom_id|>"), idOf.applyAsInt("<|python_tag|>"));
    }

    private static int required(TokenizerSource source, ToIntFunction<String> idOf, String name) {
        int id = idOf.applyAsInt(name);
        if (id < 0) {
            throw source.badTokens("no special token " + name + "; the prompt format of Llama 3 needs it");
        }
        return id;
    }
}
