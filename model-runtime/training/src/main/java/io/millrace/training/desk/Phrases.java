package io.millrace.training.desk;

import java.util.List;
import java.util.Map;

/**
 * What customers and the desk say in one language: the content of a phrase file.
 *
 * @param code the language's code
 * @param products each the grammatical forms of its name that templates use as slots
 * @param names first names of customers
 * @param cities where orders go
 * @param message the sentences of a customer's message
 * @param facts how each fact is told, asked back and answered
 * @param smallTalk turns that say no fact
 * @param absent questions that no conversation answers
 * @param reply the desk's replies to a message
 * @param tools questions that tools answer
 */
record Phrases(String code, Split<Map<String, String>> products, Split<String> names, Split<String> cities,
        MessagePhrases message, Map<Fact, FactPhrases> facts, Split<SmallTalk> smallTalk, Absent absent,
        Map<Category, Map<Tone, Reply>> reply, ToolPhrases tools) {

    record MessagePhrases(Split<Template> opening, Map<Category, Split<Template>> category, Split<Template> order,
            FeelingPhrases sentiment, UrgencyPhrases urgency, Split<Template> closing) {}

    record FeelingPhrases(Split<Template> negative, Split<Template> positive) {}

    record UrgencyPhrases(Split<Template> high, Split<Template> low) {}

    /** @param unknown what is answered when the fact was not told */
    record FactPhrases(Split<Template> say, Split<Template> ask, List<Template> answer, List<Template> unknown) {}

    record SmallTalk(Template user, Template reply) {}

    record Absent(Split<Template> ask, List<Template> reply) {}

    /**
     * One sentence each.
     *
     * @param ack takes the message in
     * @param action what the desk does
     * @param order what the desk does with the order, which it names
     */
    record Reply(List<Template> ack, List<Template> action, List<Template> order) {}

    record Question(Split<Template> ask, List<Template> answer) {}

    /** @param topics what is searched for */
    record Search(Split<Template> ask, List<Template> answer, Split<String> topics) {}

    /**
     * Something that a shop's system knows.
     *
     * @param text in the language, in the one form that the templates take
     * @param name English words in snake_case
     */
    record Noun(String text, String name) {}

    /**
     * @param statuses words for an order's status, by its name in results
     * @param nouns what invented tools return
     * @param describe descriptions of invented tools
     * @param ask questions for an invented tool by what its argument is
     */
    record ToolPhrases(Question status, Map<String, String> statuses, Question total, Question refund, Question sum,
            Search search, Split<Noun> nouns, List<Template> describe, Map<Fact, Split<Template>> ask,
            List<Template> answer) {}
}
