package io.millrace.job.demo;

import java.util.List;
import java.util.stream.IntStream;

/** What a customer of a shop says, turn by turn. */
record SampleConversation(String id, String system, List<String> turns) {
    private static final String DESK = "You are the support desk of a kitchen shop. Answer in one or two sentences.";

    private static final List<List<String>> SCRIPTS = List.of(
            List.of(
                    "My order is 48213 and the kettle leaks from the lid. What can you do for me?",
                    "Which order was it again, and how long will the new kettle take?",
                    "Thank you. Can I keep the old one for spare parts?"),
            List.of(
                    "Hallo, ich habe zwei Pfannen bestellt und nur eine bekommen.",
                    "Die Bestellung ist 50977. Wann kommt die zweite?",
                    "Gut, dann warte ich bis Freitag."),
            List.of(
                    "Does the mill come with burrs for coffee, or only for grain?",
                    "And can I order the other burrs later?",
                    "Please add one set to my basket."),
            List.of(
                    "Je voudrais renvoyer une casserole achetée il y a dix jours.",
                    "Elle est encore dans son emballage. Qui paie le retour ?",
                    "Parfait, merci beaucoup."));

    /** The {@code index}-th conversation of a demo; scripts repeat when there are more conversations, or turns, than were written. */
    static SampleConversation of(int index, int turns) {
        List<String> script = SCRIPTS.get(index % SCRIPTS.size());
        List<String> said = IntStream.range(0, turns)
                .mapToObj(turn -> script.get(turn % script.size())).toList();
        return new SampleConversation("customer-" + (index + 1), DESK, said);
    }
}
