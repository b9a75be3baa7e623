package io.millrace.training.desk;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * The chance behind one dialogue: what is drawn depends on the seed and on the order of the calls only. It also keeps the
 * customer who speaks, and which facts he has told. Used by one thread.
 */
final class Draw {
    private static final int HELD_OUT_RESIDUE = 7;
    /** Of the names, cities, products and nouns of training, how many are blends of two. */
    private static final double BLENDED = 0.6;
    /** Of the texts of training, how many have a strange word. */
    private static final double STRANGE = 0.5;
    private static final Pattern WORD = Pattern.compile("\\p{L}[\\p{L}\\p{M}]{2,}");
    /** Where words have no spaces between them, so many characters at most are taken for one. */
    private static final int LONGEST_CUT = 8;

    /** A shorter one could be a word of an answer. */
    private static final int SHORTEST_NAME = 4;

    private final Phrasebook book;
    private final Part part;
    private final SplittableRandom random;
    private Language language;
    private Map<String, String> customer;
    private final Map<Fact, String> told = new EnumMap<>(Fact.class);

    Draw(Phrasebook book, Part part, Language language, SplittableRandom random) {
        this.book = book;
        this.part = part;
        this.language = language;
        this.random = random;
        customer = newCustomer();
    }

    Part part() {
        return part;
    }

    Language language() {
        return language;
    }

    Phrases phrases() {
        return book.of(language);
    }

    Phrases phrases(Language other) {
        return book.of(other);
    }

    Remarks remarks() {
        return book.remarks(language);
    }

    SystemPrompts prompts() {
        return book.prompts();
    }

    /** Another customer, who has told nothing, writes from now on. */
    void changeCustomer(Language newLanguage) {
        language = newLanguage;
        customer = newCustomer();
        told.clear();
    }

    private Map<String, String> newCustomer() {
        Map<String, String> values = new HashMap<>(product());
        values.put(Fact.ORDER.slot(), order());
        values.put(Fact.NAME.slot(), name(phrases().names()));
        values.put(Fact.CITY.slot(), name(phrases().cities()));
        return values;
    }

    private Map<String, String> product() {
        Map<String, String> product = pick(phrases().products());
        return blends()
                ? unheard(() -> Blend.ofForms(product, pick(phrases().products()), random),
                        blend -> blend.values().stream().anyMatch(this::isHeldOutWord))
                : product;
    }

    private String name(Split<String> names) {
        String name = pick(names);
        return blends()
                ? unheard(() -> capital(Blend.of(name, pick(names).toLowerCase(Locale.ROOT), random)),
                        blend -> blend.length() < SHORTEST_NAME || isHeldOutWord(blend))
                : name;
    }

    /** What a customer wants to be looked for. */
    String topic() {
        Split<String> topics = phrases().tools().search().topics();
        String topic = pick(topics);
        return blends() ? unheard(() -> Blend.ofLastWords(topic, pick(topics), random), this::isHeldOutWord) : topic;
    }

    /** What an invented tool returns. */
    Phrases.Noun noun(Phrases.Noun noun) {
        Split<Phrases.Noun> nouns = phrases().tools().nouns();
        return blends()
                ? unheard(() -> blend(noun, pick(nouns)), blend -> isHeldOutWord(blend.text()))
                : noun;
    }

    private Phrases.Noun blend(Phrases.Noun first, Phrases.Noun second) {
        return new Phrases.Noun(Blend.ofLastWords(first.text(), second.text(), random),
                Blend.of(first.name(), second.name(), random));
    }

    /**
     * In training some texts have a word that no list has, in the place of one that is no value of the customer's: what is new
     * to a reader is not always a fact.
     */
    String strange(String text) {
        if (part == Part.HELD_OUT || !chance(STRANGE)) {
            return text;
        }
        List<MatchResult> words = WORD.matcher(text).results().toList();
        if (words.size() < 2) {
            return text;
        }
        MatchResult word = pick(words);
        int from = word.start();
        int to = word.end();
        if (to - from > LONGEST_CUT && language == Language.TH) {
            from = between(from, to - LONGEST_CUT);
            to = from + between(LONGEST_CUT / 2, LONGEST_CUT);
        }
        String blend = Blend.of(text.substring(from, to), pick(words).group(), random);
        String strange = text.substring(0, from) + blend + text.substring(to);
        boolean keepsValues = customer.values().stream().noneMatch(v -> contains(text, v) && !contains(strange, v));
        boolean heldOut = isHeldOutWord(blend) || isHeldOutWord(PhraseCheck.normal(strange));
        return keepsValues && !heldOut ? strange : text;
    }

    private static <T> T unheard(Supplier<T> blends, Predicate<T> rejected) {
        T blend = blends.get();
        while (rejected.test(blend)) {
            blend = blends.get();
        }
        return blend;
    }

    private boolean isHeldOutWord(String text) {
        return book.saysHeldOutWord(language, text);
    }

    private boolean blends() {
        return part == Part.TRAIN && chance(BLENDED);
    }

    boolean chance(double probability) {
        return random.nextDouble() < probability;
    }

    /** A number from {@code from} to {@code to}, both included. */
    int between(int from, int to) {
        return random.nextInt(from, to + 1);
    }

    <T> T pick(List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    <T> T pick(Split<T> split) {
        return pick(split.of(part));
    }

    <T> T pick(T[] choices) {
        return choices[random.nextInt(choices.length)];
    }

    /** A number of 4 to 8 digits; those with a digit sum that ends in 7 are held out. */
    String order() {
        while (true) {
            int digits = pick(List.of(4, 5, 5, 5, 6, 6, 7, 8));
            int first = (int) Math.pow(10, digits - 1);
            String number = String.valueOf(random.nextInt(first, 10 * first));
            if (isHeldOut(number) == (part == Part.HELD_OUT)) {
                return number;
            }
        }
    }

    /** Whether a number is kept for the held-out part. */
    static boolean isHeldOut(String number) {
        return number.chars().map(digit -> digit - '0').sum() % 10 == HELD_OUT_RESIDUE;
    }

    /** An amount of money, two digits after the point; in training often one that no shop would ask. */
    String amount() {
        if (part == Part.TRAIN && chance(0.5)) {
            return String.format(Locale.ROOT, "%d.%02d", random.nextInt(pick(List.of(10, 100, 1000, 10_000))),
                    between(0, 99));
        }
        return String.format(Locale.ROOT, "%d.%02d", between(3, 400), pick(List.of(0, 50, 90, 95, 99, between(0, 99))));
    }

    /** A sentence of the customer, which may tell facts. */
    String tell(Split<Template> sentences) {
        return tell(pick(sentences), Map.of());
    }

    /** The same with further values. */
    String tell(Template template, Map<String, String> values) {
        String text = sentence(template, values);
        for (Fact fact : Fact.values()) {
            if (fact == Fact.PRODUCT) {
                template.slots().stream().filter(this::isForm).map(customer::get).filter(form -> contains(text, form))
                        .forEach(form -> told.put(fact, form));
            } else if (template.slots().contains(fact.slot()) && contains(text, value(fact))) {
                told.put(fact, value(fact));
            }
        }
        return text;
    }

    private static boolean contains(String text, String value) {
        return text.toLowerCase(Locale.ROOT).contains(value.toLowerCase(Locale.ROOT));
    }

    /** A sentence with the customer's values and these. */
    String sentence(Template template, Map<String, String> values) {
        Map<String, String> all = new HashMap<>(customer);
        all.putAll(values);
        return capital(template.fill(random, all));
    }

    String sentence(List<Template> templates) {
        return sentence(pick(templates), Map.of());
    }

    /** What a fact of this customer is; of a product the form that was told last, or the shortest. */
    String value(Fact fact) {
        return fact == Fact.PRODUCT
                ? told.getOrDefault(fact, Collections.min(productForms(), Comparator.comparingInt(String::length)))
                : customer.getOrDefault(fact.slot(), "");
    }

    /** All that a fact may be called. */
    List<String> values(Fact fact) {
        return fact == Fact.PRODUCT ? productForms() : List.of(value(fact));
    }

    private List<String> productForms() {
        return customer.entrySet().stream().filter(entry -> isForm(entry.getKey())).sorted(Map.Entry.comparingByKey())
                .map(Map.Entry::getValue).distinct().toList();
    }

    private boolean isForm(String slot) {
        for (Fact fact : Fact.values()) {
            if (fact.slot().equals(slot)) {
                return false;
            }
        }
        return customer.containsKey(slot);
    }

    /** Which facts the customer has told. */
    List<Fact> told() {
        return new ArrayList<>(told.keySet());
    }

    boolean hasTold(Fact fact) {
        return told.containsKey(fact);
    }

    /** The list in another order. */
    <T> List<T> shuffled(List<T> list) {
        List<T> shuffled = new ArrayList<>(list);
        for (int i = shuffled.size() - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            T swapped = shuffled.get(i);
            shuffled.set(i, shuffled.get(j));
            shuffled.set(j, swapped);
        }
        return shuffled;
    }

    static String capital(String text) {
        return text.isEmpty() ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    SplittableRandom random() {
        return random;
    }
}
