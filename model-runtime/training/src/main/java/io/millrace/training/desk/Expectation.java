package io.millrace.training.desk;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What makes an answer right. */
public sealed interface Expectation {

    /** What a right answer says in JSON strings that stand nowhere in the conversation, but have to be found out. */
    default List<String> labels() {
        return switch (this) {
            case Triage triage ->
                List.of(triage.category.label(), triage.sentiment.label(), triage.urgency.label());
            case Recall _,Call _,Result _,Style _,Refusal _,Unscored _ -> List.of();
        };
    }

    /** What a right answer repeats from the conversation; of several texts for the same any may be said. */
    default List<String> copied() {
        return switch (this) {
            case Recall recall -> recall.values;
            case Result result -> List.of(result.value);
            case Call call -> Stream.concat(Stream.of(call.name),
                    call.arguments.entrySet().stream()
                            .flatMap(entry -> Stream.of('"' + entry.getKey() + '"', entry.getValue())))
                    .toList();
            case Triage _,Style _,Refusal _,Unscored _ -> List.of();
        };
    }

    /**
     * One line of JSON.
     *
     * @param order the order number, digits, or null when the message has none
     */
    record Triage(Category category, Sentiment sentiment, Urgency urgency, Language language, @Nullable String order)
            implements
                Expectation {}

    /**
     * An answer that gives a fact of the conversation.
     *
     * @param values what the fact may be called, the forms of a product's name; any of them will do
     * @param others the conversation's other facts, which must not be given instead or as well
     */
    record Recall(List<String> values, List<String> others) implements Expectation {
        public Recall {
            values = List.copyOf(values);
            others = List.copyOf(others);
        }
    }

    /**
     * A tool call.
     *
     * @param name the tool
     * @param arguments name to value; a value is a JSON literal, so a string has its quotes
     */
    record Call(String name, Map<String, String> arguments) implements Expectation {
        public Call {
            arguments = Map.copyOf(arguments);
        }
    }

    /**
     * A reply that tells a tool's result.
     *
     * @param value the result in the customer's words
     * @param question what the customer asked; the reply may repeat its numbers, and has no others
     */
    record Result(String value, String question) implements Expectation {}

    /**
     * A reply in the style that the system prompt sets.
     *
     * @param language what it is written in
     * @param tone null when either will do
     * @param sentences how many, 0 when any number will do
     * @param format its form
     * @param order the only number that it may hold, null for none
     */
    record Style(Language language, @Nullable Tone tone, int sentences, ReplyFormat format, @Nullable String order)
            implements
                Expectation {}

    /** A reply that says that the desk does not know, in this language. */
    record Refusal(Language language) implements Expectation {}

    /** Nothing is judged. */
    record Unscored() implements Expectation {}
}
