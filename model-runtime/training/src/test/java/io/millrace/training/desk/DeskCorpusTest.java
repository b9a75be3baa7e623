package io.millrace.training.desk;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.prompt.Answer;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DeskCorpusTest {
    private static final int MANY = 20_000;

    private static Phrasebook book;
    private static DeskCorpus corpus;
    private static List<Dialogue> training;
    private static List<Dialogue> heldOut;

    @BeforeAll
    static void generate() {
        book = Phrasebook.load();
        corpus = new DeskCorpus(book);
        training = corpus.dialogues(Part.TRAIN, 1).limit(MANY).toList();
        heldOut = corpus.dialogues(Part.HELD_OUT, 1).limit(MANY / 4).toList();
    }

    @Test
    void theSameSeedGivesTheSameDialogues() {
        assertThat(new DeskCorpus(Phrasebook.load()).dialogues(Part.TRAIN, 1).limit(500))
                .isEqualTo(training.subList(0, 500));
        assertThat(corpus.dialogues(Part.TRAIN, 2).limit(500).toList()).doesNotContainAnyElementsOf(training);
    }

    @Test
    void everySkillOfEveryLanguageCanBeHeldOutTheSameEachTime() {
        for (Skill skill : Skill.values()) {
            for (Language language : Language.values()) {
                List<Dialogue> dialogues = corpus.heldOut(skill, language, 5);
                assertThat(dialogues).hasSize(5).doesNotHaveDuplicates()
                        .allMatch(dialogue -> dialogue.skill() == skill && dialogue.language() == language)
                        .isEqualTo(corpus.heldOut(skill, language, 5));
            }
        }
    }

    @Test
    void everyReferenceAnswerIsRight() {
        var grader = new Grader(book);
        Set<Criterion> judged = new HashSet<>();
        Stream.concat(training.stream(), heldOut.stream())
                .forEach(dialogue -> dialogue.exchanges().forEach(exchange -> {
                    Map<Criterion, Boolean> grades = grader.grade(exchange.expected(), answer(exchange.answer()));
                    judged.addAll(grades.keySet());
                    assertThat(grades.values()).as(() -> dialogue.id() + " " + exchange).doesNotContain(false);
                }));
        assertThat(judged).containsExactlyInAnyOrder(Criterion.values());
    }

    private static Answer answer(Message message) {
        return message.toolCalls().isEmpty()
                ? new Answer.Content(message.content())
                : new Answer.ToolCalls(message.content(), message.toolCalls());
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void noHeldOutSentenceIsSaidInTraining(Language language) {
        List<String> said = userMessages(training, language);
        Map<Template, Pattern> patterns = templates(book.of(language)).flatMap(split -> split.heldOut().stream())
                .filter(template -> normal(SLOT.matcher(template.toString()).replaceAll("")).length() > 3)
                .collect(Collectors.toMap(template -> template, DeskCorpusTest::pattern, (one, _) -> one));
        patterns.forEach((template, pattern) -> assertThat(said).as(template.toString())
                .noneMatch(message -> pattern.matcher(message).find()));
        List<String> heldOutSaid = userMessages(heldOut, language);
        assertThat(patterns.values()).as("the patterns do find what is said").anyMatch(
                pattern -> heldOutSaid.stream().anyMatch(message -> pattern.matcher(message).find()));
    }

    private static final Pattern SLOT = Pattern.compile("\\{[a-zA-Z]+}");

    /** The template's sentence, in a text from which case and punctuation are gone but sentences stay apart. */
    private static Pattern pattern(Template template) {
        return Pattern.compile(template.variants().stream().map(DeskCorpusTest::normal).map(DeskCorpusTest::sentence)
                .collect(Collectors.joining("|", "(?:^|# ?)(?:", ")(?: ?#|$)")));
    }

    private static String sentence(String variant) {
        var pattern = new StringBuilder();
        Matcher slot = SLOT.matcher(variant);
        int from = 0;
        for (; slot.find(); from = slot.end()) {
            pattern.append(Pattern.quote(variant.substring(from, slot.start())));
            pattern.append(switch (slot.group()) {
                case "{order}", "{count}", "{price}" -> " ?[0-9]+ ?";
                case "{name}" -> "[^# ]+";
                default -> "[^#]+?";
            });
        }
        return pattern.append(Pattern.quote(variant.substring(from))).toString();
    }

    private static String normal(String text) {
        return text.toLowerCase(Locale.ROOT).replaceAll("[,;:.!?।¿¡]+", "").replaceAll(" {2,}", " ").strip();
    }

    private static List<String> userMessages(List<Dialogue> dialogues, Language language) {
        return dialogues.stream().filter(dialogue -> dialogue.language() == language)
                .flatMap(dialogue -> dialogue.exchanges().stream()).flatMap(exchange -> exchange.input().stream())
                .filter(message -> message.role() == Role.USER)
                .map(message -> Stream.of(message.content().split("[,.!?।]+(?: |$)", -1)).map(DeskCorpusTest::normal)
                        .collect(Collectors.joining("#")))
                .distinct().toList();
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void noHeldOutWordIsSaidInTraining(Language language) {
        Phrases phrases = book.of(language);
        List<String> words = new ArrayList<>(phrases.names().heldOut());
        words.addAll(phrases.cities().heldOut());
        phrases.products().heldOut().forEach(product -> words.addAll(product.values()));
        phrases.tools().nouns().heldOut().forEach(noun -> words.add(noun.text()));
        words.addAll(phrases.tools().search().topics().heldOut());
        // Thai has no spaces between words: one is looked for anywhere in a text.
        String gap = language == Language.TH ? "" : " ";
        String said = training.stream().filter(dialogue -> dialogue.language() == language).map(Curation::text)
                .map(PhraseCheck::normal).collect(Collectors.joining(" | ", " ", " "));
        assertThat(words).isNotEmpty().noneMatch(word -> said.contains(gap + PhraseCheck.normal(word) + gap));
    }

    @Test
    void noHeldOutNumberIsTheOrderOfATrainingDialogue() {
        Pattern order = Pattern.compile("(?<![\\d.-])\\d{4,8}(?!\\d|[.-]\\d)");
        // Years and a tool's values are no orders.
        List<String> orders = training.stream().flatMap(dialogue -> dialogue.exchanges().stream())
                .flatMap(exchange -> exchange.input().stream()).filter(message -> message.role() == Role.USER)
                .flatMap(message -> order.matcher(message.content()).results().map(match -> match.group()))
                .filter(number -> !number.matches("(19|20)\\d\\d")).toList();
        assertThat(orders).hasSizeGreaterThan(MANY / 4).noneMatch(Draw::isHeldOut);
        assertThat(corpus.heldOut(Skill.TOOLS, Language.EN, 50).toString()).containsPattern("\"order_id\": \"\\d+\"");
    }

    @Test
    void noToolIsKnownFromTraining() {
        Set<String> known = training.stream().flatMap(dialogue -> dialogue.tools().stream())
                .map(tool -> tool.name()).collect(Collectors.toSet());
        assertThat(heldOut.stream().filter(dialogue -> dialogue.skill() == Skill.NEW_TOOLS)
                .flatMap(dialogue -> dialogue.tools().stream()).map(tool -> tool.name())).isNotEmpty()
                .doesNotContainAnyElementsOf(known);
        Set<String> names = nouns(Part.TRAIN);
        assertThat(nouns(Part.HELD_OUT)).isNotEmpty().doesNotContainAnyElementsOf(names);
    }

    private static Set<String> nouns(Part part) {
        return Stream.of(Language.values()).flatMap(language -> book.of(language).tools().nouns().of(part).stream())
                .map(Phrases.Noun::name).collect(Collectors.toSet());
    }

    @Test
    void noHeldOutNameOrCityIsATrainingOneOfAnyLanguage() {
        assertThat(namesAndCities(Part.HELD_OUT)).isNotEmpty()
                .doesNotContainAnyElementsOf(namesAndCities(Part.TRAIN));
    }

    private static Set<String> namesAndCities(Part part) {
        return Stream.of(Language.values()).map(book::of).flatMap(
                phrases -> Stream.concat(phrases.names().of(part).stream(), phrases.cities().of(part).stream()))
                .collect(Collectors.toSet());
    }

    @Test
    void noDialogueIsThereTwice() {
        assertThat(training.stream().map(Curation::text).map(PhraseCheck::normal)).doesNotHaveDuplicates();
    }

    @Test
    void dialoguesAreShort() {
        assertThat(training).allSatisfy(
                dialogue -> assertThat(Curation.text(dialogue).getBytes(StandardCharsets.UTF_8)).hasSizeBetween(20,
                        2600));
    }

    @Test
    void sharesAreThoseOfTheMixAndLanguagesAreAlike() {
        MixReport report = corpus.report(Part.TRAIN, 1, MANY);
        var counted = new EnumMap<Skill, Integer>(Skill.class);
        training.forEach(dialogue -> counted.merge(dialogue.skill(), 1, Integer::sum));
        assertThat(report.skills()).isEqualTo(counted);
        assertThat(report.skills().get(Skill.TRIAGE)).isBetween(MANY * 15 / 100, MANY * 19 / 100);
        assertThat(report.skills().get(Skill.REFUSAL)).isBetween(MANY * 13 / 100, MANY * 17 / 100);
        assertThat(report.languages()).hasSize(Language.values().length).values()
                .allSatisfy(count -> assertThat(count).isBetween(MANY * 11 / 100, MANY * 14 / 100));
    }

    @Test
    void memoryIsAskedTwoOrMoreTurnsLaterInTheHeldOutPart() {
        assertThat(heldOut.stream().filter(dialogue -> dialogue.skill() == Skill.MEMORY)).isNotEmpty()
                .allSatisfy(dialogue -> {
                    assertThat(dialogue.exchanges()).hasSizeGreaterThanOrEqualTo(3);
                    assertThat(dialogue.exchanges().getLast().expected()).isInstanceOf(Expectation.Recall.class);
                });
    }

    @Test
    void aConversationOfTrainingAsksEachFactOnceToldOrNot() {
        List<List<Expectation>> asked = training.stream()
                .filter(dialogue -> dialogue.skill() == Skill.MEMORY || dialogue.skill() == Skill.REFUSAL)
                .map(dialogue -> dialogue.exchanges().stream().map(Exchange::expected).toList()).toList();

        // Somebody from Florence may be called Florence.
        assertThat(asked).filteredOn(expected -> {
            List<Expectation> recalls = expected.stream().filter(Expectation.Recall.class::isInstance).toList();
            return recalls.size() > Set.copyOf(recalls).size();
        }).hasSizeLessThan(asked.size() / 100);
        assertThat(asked).filteredOn(expected -> expected.stream().anyMatch(Expectation.Recall.class::isInstance)
                && expected.stream().anyMatch(Expectation.Refusal.class::isInstance))
                .hasSizeGreaterThan(asked.size() / 2);
    }

    @Test
    void inventedToolsOfTrainingServeSeveralQuestions() {
        assertThat(training.stream().filter(dialogue -> dialogue.skill() == Skill.NEW_TOOLS)).isNotEmpty()
                .allSatisfy(dialogue -> assertThat(dialogue.exchanges().stream().map(Exchange::expected)
                        .filter(Expectation.Call.class::isInstance)).hasSizeGreaterThanOrEqualTo(2));
    }

    @Test
    void documentsAreOfTheTrainingPartAndTheSameEachTime() {
        List<String> documents = corpus.documents(1).limit(2000).toList();
        assertThat(corpus.documents(1).limit(2000)).isEqualTo(documents);
        assertThat(documents).noneMatch(String::isBlank);
        String all = " " + PhraseCheck.normal(String.join("\n", documents)) + " ";
        assertThat(book.of(Language.EN).names().heldOut())
                .noneMatch(name -> all.contains(" " + PhraseCheck.normal(name) + " "));
        assertThat(book.of(Language.DE).products().heldOut())
                .noneMatch(product -> product.values().stream()
                        .anyMatch(form -> all.contains(" " + PhraseCheck.normal(form) + " ")));
    }

    /** All kinds of sentences of customers. */
    private static Stream<Split<Template>> templates(Phrases phrases) {
        Phrases.MessagePhrases message = phrases.message();
        Phrases.ToolPhrases tools = phrases.tools();
        return Stream.of(message.category().values().stream(),
                Stream.of(message.order(), message.sentiment().negative(), message.sentiment().positive(),
                        message.urgency().high(), message.urgency().low(), phrases.absent().ask()),
                phrases.facts().values().stream().flatMap(fact -> Stream.of(fact.say(), fact.ask())),
                Stream.of(tools.status().ask(), tools.total().ask(), tools.refund().ask(), tools.sum().ask(),
                        tools.search().ask()),
                tools.ask().values().stream()).flatMap(splits -> splits);
    }
}
