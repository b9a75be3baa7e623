package io.millrace.training.desk;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Checks a phrase file: enough phrases of each kind, only the slots that the generator fills, the same forms of every
 * product, and nothing held out that training has.
 */
final class PhraseCheck {
    /** Slots that products' forms must not be named. */
    private static final Set<String> RESERVED = Set.of("order", "name", "city", "count", "price", "value", "topic",
            "noun");
    private static final Set<String> STATUSES = Set.of("processing", "shipped", "delivered", "returned", "cancelled");
    private static final Pattern NO_WORD = Pattern.compile("[^\\p{L}\\p{M}\\p{N}{}]+");
    private static final Pattern IDENTIFIER = Pattern.compile("[a-z]+(_[a-z]+)*");

    private final String file;
    private final Set<String> forms;

    private PhraseCheck(String file, Set<String> forms) {
        this.file = file;
        this.forms = forms;
    }

    /**
     * The phrases, when nothing is wrong with them.
     *
     * @throws IllegalArgumentException names the file, the key and the remedy
     */
    static Phrases checked(String file, Language language, Phrases phrases) {
        if (!phrases.code().equals(language.code())) {
            throw new IllegalArgumentException(file + ": code: expected " + language.code());
        }
        Set<String> forms = phrases.products().train().isEmpty()
                ? Set.of()
                : phrases.products().train().getFirst().keySet();
        new PhraseCheck(file, forms).check(phrases);
        return phrases;
    }

    private void check(Phrases phrases) {
        checkProducts(phrases.products());
        checkWords("names", phrases.names(), 40, 8);
        checkWords("cities", phrases.cities(), 30, 8);
        checkMessage(phrases.message());
        for (Fact fact : Fact.values()) {
            checkFact("facts." + fact.slot(), fact, present("facts", phrases.facts(), fact));
        }
        checkSmallTalk(phrases.smallTalk());
        checkSplit("absent.ask", phrases.absent().ask(), 12, 4, forms, Set.of());
        checkTemplates("absent.reply", phrases.absent().reply(), 2, Set.of(), Set.of());
        for (Category category : Category.values()) {
            for (Tone tone : Tone.values()) {
                checkReply("reply." + category.label() + "." + tone.name().toLowerCase(Locale.ROOT),
                        present("reply", present("reply", phrases.reply(), category), tone));
            }
        }
        checkTones(phrases);
        checkTools(phrases.tools());
    }

    private void checkProducts(Split<Map<String, String>> products) {
        checkCount("products", products, 30, 8);
        for (String form : forms) {
            require(!RESERVED.contains(form), "products", "a form cannot be named " + form + "; rename it");
        }
        Stream.concat(products.train().stream(), products.heldOut().stream()).forEach(product -> {
            require(product.keySet().equals(forms), "products", product + ": give it the forms " + forms);
            product.values().forEach(form -> require(!form.isBlank(), "products", product + ": a form is empty"));
        });
        checkDisjoint("products", products.train().stream().flatMap(product -> product.values().stream()).toList(),
                products.heldOut().stream().flatMap(product -> product.values().stream()).toList());
    }

    private void checkMessage(Phrases.MessagePhrases message) {
        checkSplit("message.opening", message.opening(), 6, 2, Set.of("name"), Set.of());
        for (Category category : Category.values()) {
            String key = "message.category." + category.label();
            Split<Template> templates = present("message.category", message.category(), category);
            checkSplit(key, templates, 14, 4, with(forms, "order"), Set.of());
            require(category == Category.PRODUCT
                    || templates.train().stream().anyMatch(template -> template.slots().contains("order")), key,
                    "put {order} into some of the sentences");
        }
        checkSplit("message.order", message.order(), 6, 2, Set.of("order"), Set.of("order"));
        checkSplit("message.sentiment.negative", message.sentiment().negative(), 10, 3, forms, Set.of());
        checkSplit("message.sentiment.positive", message.sentiment().positive(), 10, 3, forms, Set.of());
        checkSplit("message.urgency.high", message.urgency().high(), 10, 3, Set.of(), Set.of());
        checkSplit("message.urgency.low", message.urgency().low(), 10, 3, Set.of(), Set.of());
        checkSplit("message.closing", message.closing(), 6, 2, Set.of("name"), Set.of());
    }

    private void checkFact(String key, Fact fact, Phrases.FactPhrases phrases) {
        Set<String> slots = fact == Fact.PRODUCT ? forms : Set.of(fact.slot());
        Set<String> required = fact == Fact.PRODUCT ? Set.of() : slots;
        checkSplit(key + ".say", phrases.say(), 8, 3, slots, required);
        checkSplit(key + ".ask", phrases.ask(), 8, 3, Set.of(), Set.of());
        checkTemplates(key + ".answer", phrases.answer(), 2, slots, required);
        checkTemplates(key + ".unknown", phrases.unknown(), 2, Set.of(), Set.of());
        if (fact == Fact.PRODUCT) {
            Stream.of(phrases.say().train(), phrases.say().heldOut(), phrases.answer()).flatMap(List::stream)
                    .forEach(template -> require(template.slots().size() == 1, key,
                            "'" + template + "': name the product once, by one of " + forms));
        }
    }

    private void checkSmallTalk(Split<Phrases.SmallTalk> talk) {
        Split<Template> users = new Split<>(talk.train().stream().map(Phrases.SmallTalk::user).toList(),
                talk.heldOut().stream().map(Phrases.SmallTalk::user).toList());
        checkSplit("smallTalk", users, 10, 4, Set.of(), Set.of());
        Set<String> replies = new HashSet<>();
        talk.train().forEach(turn -> {
            checkTemplate("smallTalk", turn.reply(), Set.of(), Set.of());
            replies.addAll(turn.reply().variants());
        });
        talk.heldOut().forEach(turn -> require(replies.containsAll(turn.reply().variants()), "smallTalk.heldOut",
                "'" + turn.reply() + "': take a reply that training has"));
    }

    private void checkReply(String key, Phrases.Reply reply) {
        checkTemplates(key + ".ack", reply.ack(), 2, Set.of(), Set.of());
        checkTemplates(key + ".action", reply.action(), 2, Set.of(), Set.of());
        checkTemplates(key + ".order", reply.order(), 2, Set.of("order"), Set.of("order"));
    }

    /** A sentence that both tones have tells nothing about the tone. */
    private void checkTones(Phrases phrases) {
        Set<String> formal = new HashSet<>(ReplyPhrases.sentences(phrases, Tone.FORMAL));
        for (String friendly : ReplyPhrases.sentences(phrases, Tone.FRIENDLY)) {
            require(!formal.contains(friendly), "reply", "'" + friendly + "' is friendly and formal; change one");
        }
    }

    private void checkTools(Phrases.ToolPhrases tools) {
        checkQuestion("tools.status", tools.status(), Set.of("order"));
        checkQuestion("tools.total", tools.total(), Set.of("order"));
        checkQuestion("tools.refund", tools.refund(), Set.of("order"));
        checkQuestion("tools.sum", tools.sum(), Set.of("count", "price"));
        require(tools.statuses().keySet().equals(STATUSES), "tools.statuses", "give words for " + STATUSES);
        checkSplit("tools.search.ask", tools.search().ask(), 5, 2, Set.of("topic"), Set.of("topic"));
        checkTemplates("tools.search.answer", tools.search().answer(), 2, Set.of("topic", "value"), Set.of("value"));
        checkWords("tools.search.topics", tools.search().topics(), 20, 6);
        Split<Phrases.Noun> nouns = tools.nouns();
        Split<String> texts = map(nouns, Phrases.Noun::text);
        checkWords("tools.nouns", texts, 30, 8);
        Split<String> names = map(nouns, Phrases.Noun::name);
        checkDisjoint("tools.nouns", names.train(), names.heldOut());
        Stream.concat(names.train().stream(), names.heldOut().stream())
                .forEach(name -> require(IDENTIFIER.matcher(name).matches(), "tools.nouns",
                        "'" + name + "': a name is English words in snake_case"));
        checkTemplates("tools.describe", tools.describe(), 3, Set.of("noun"), Set.of("noun"));
        for (Fact fact : Fact.values()) {
            Split<Template> ask = present("tools.ask", tools.ask(), fact);
            boolean product = fact == Fact.PRODUCT;
            checkSplit("tools.ask." + fact.slot(), ask, 4, 2,
                    product ? with(forms, "noun") : Set.of("noun", fact.slot()),
                    product ? Set.of("noun") : Set.of("noun", fact.slot()));
        }
        checkTemplates("tools.answer", tools.answer(), 2, Set.of("noun", "value"), Set.of("value"));
    }

    private void checkQuestion(String key, Phrases.Question question, Set<String> slots) {
        checkSplit(key + ".ask", question.ask(), 6, 2, slots, slots);
        checkTemplates(key + ".answer", question.answer(), 2, with(slots, "value"), Set.of("value"));
    }

    private void checkSplit(String key, Split<Template> split, int train, int heldOut, Set<String> allowed,
            Set<String> required) {
        checkCount(key, split, train, heldOut);
        split.train().forEach(template -> checkTemplate(key + ".train", template, allowed, required));
        split.heldOut().forEach(template -> checkTemplate(key + ".heldOut", template, allowed, required));
        checkDisjoint(key, variants(split.train()), variants(split.heldOut()));
    }

    private void checkTemplates(String key, List<Template> templates, int count, Set<String> allowed,
            Set<String> required) {
        require(templates.size() >= count, key, "give at least " + count);
        templates.forEach(template -> checkTemplate(key, template, allowed, required));
    }

    private void checkTemplate(String key, Template template, Set<String> allowed, Set<String> required) {
        for (String slot : template.slots()) {
            require(allowed.contains(slot), key,
                    "'" + template + "': {" + slot + "} is not filled here; it takes " + allowed);
        }
        for (String variant : template.variants()) {
            for (String slot : required) {
                require(variant.contains("{" + slot + "}"), key, "'" + template + "': put {" + slot + "} in");
            }
        }
    }

    private void checkWords(String key, Split<String> words, int train, int heldOut) {
        checkCount(key, words, train, heldOut);
        checkDisjoint(key, words.train(), words.heldOut());
    }

    private void checkCount(String key, Split<?> split, int train, int heldOut) {
        require(split.train().size() >= train, key + ".train", "give at least " + train);
        require(split.heldOut().size() >= heldOut, key + ".heldOut", "give at least " + heldOut);
    }

    private void checkDisjoint(String key, Collection<String> train, Collection<String> heldOut) {
        Set<String> known = new HashSet<>();
        train.forEach(text -> known.add(normal(text)));
        for (String text : heldOut) {
            require(!known.contains(normal(text)), key + ".heldOut", "'" + text + "' is in train too; change one");
        }
    }

    /** What is left when case and punctuation are put aside. */
    static String normal(String text) {
        return NO_WORD.matcher(text.toLowerCase(Locale.ROOT)).replaceAll(" ").strip();
    }

    private <K, V> V present(String key, Map<K, V> map, K entry) {
        V value = map.get(entry);
        if (value == null) {
            throw new IllegalArgumentException(file + ": " + key + ": add the phrases of " + entry);
        }
        return value;
    }

    private void require(boolean right, String key, String remedy) {
        if (!right) {
            throw new IllegalArgumentException(file + ": " + key + ": " + remedy);
        }
    }

    private static List<String> variants(List<Template> templates) {
        return templates.stream().flatMap(template -> template.variants().stream()).toList();
    }

    private static Set<String> with(Set<String> slots, String slot) {
        Set<String> all = new HashSet<>(slots);
        all.add(slot);
        return all;
    }

    private static <T> Split<String> map(Split<T> split, Function<T, String> part) {
        return new Split<>(split.train().stream().map(part).toList(), split.heldOut().stream().map(part).toList());
    }
}
