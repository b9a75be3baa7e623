package io.millrace.training.desk;

import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * The desk's data: endless streams of dialogues and of plain text, written by grammars from phrases. A dialogue depends on
 * part, seed and index only, and a stream is the same each time. Immutable, any thread may use it; a stream is used by one.
 */
public final class DeskCorpus {
    /** Of a hundred dialogues, how many have each skill. */
    private static final Map<Skill, Integer> MIX = new EnumMap<>(Map.of(Skill.TRIAGE, 17, Skill.MEMORY, 20, Skill.TOOLS,
            14, Skill.NEW_TOOLS, 19, Skill.STEERING, 15, Skill.REFUSAL, 15));
    private static final List<Skill> TABLE = MIX.entrySet().stream()
            .flatMap(entry -> Stream.generate(entry::getKey).limit(entry.getValue())).toList();
    private static final List<Language> LANGUAGES = List.of(Language.values());
    private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;

    private final Phrasebook book;

    public DeskCorpus(Phrasebook book) {
        this.book = book;
    }

    /** Dialogues of all skills in the shares of the mix, of all languages alike. Endless. */
    public Stream<Dialogue> dialogues(Part part, long seed) {
        return curated(new Curation(), part, seed);
    }

    /** Dialogues of the held-out part, the same ones each time. */
    public List<Dialogue> heldOut(Skill skill, Language language, int count) {
        var curation = new Curation();
        long seed = (skill.name() + language.name()).hashCode();
        return LongStream.range(0, Long.MAX_VALUE)
                .mapToObj(index -> dialogue(Part.HELD_OUT, seed, index, skill, language)).filter(curation::keeps)
                .limit(count).toList();
    }

    /** Plain text for pre-training, of the training part. Endless. */
    public Stream<String> documents(long seed) {
        return LongStream.range(0, Long.MAX_VALUE).mapToObj(index -> {
            SplittableRandom random = random(~seed, index);
            return Documents.write(new Draw(book, Part.TRAIN, language(random), random));
        });
    }

    /** What the first {@code count} dialogues of a stream are made of. */
    public MixReport report(Part part, long seed, int count) {
        var curation = new Curation();
        var skills = new EnumMap<Skill, Integer>(Skill.class);
        var languages = new EnumMap<Language, Integer>(Language.class);
        curated(curation, part, seed).limit(count).forEach(dialogue -> {
            skills.merge(dialogue.skill(), 1, Integer::sum);
            languages.merge(dialogue.language(), 1, Integer::sum);
        });
        Map<String, Integer> dropped = new TreeMap<>();
        curation.dropped().forEach((reason, times) -> dropped.put(reason.name().toLowerCase(Locale.ROOT), times));
        return new MixReport(count, skills, languages, dropped);
    }

    private Stream<Dialogue> curated(Curation curation, Part part, long seed) {
        return LongStream.range(0, Long.MAX_VALUE).mapToObj(index -> {
            SplittableRandom choice = random(seed ^ part.name().hashCode(), ~index);
            return dialogue(part, seed, index, TABLE.get(choice.nextInt(TABLE.size())), language(choice));
        }).filter(curation::keeps);
    }

    private Dialogue dialogue(Part part, long seed, long index, Skill skill, Language language) {
        var draw = new Draw(book, part, language, random(seed + GOLDEN_GAMMA * part.name().hashCode(), index));
        var conversation = new Conversation();
        switch (skill) {
            case TRIAGE -> TriageDialogues.write(draw, conversation);
            case MEMORY -> DeskDialogues.memory(draw, conversation);
            case TOOLS -> ToolDialogues.write(draw, conversation);
            case NEW_TOOLS -> InventedTools.write(draw, conversation);
            case STEERING -> DeskDialogues.steering(draw, conversation);
            case REFUSAL -> DeskDialogues.refusal(draw, conversation);
        }
        String id = String.join("-", List.of(part.name().toLowerCase(Locale.ROOT).replace('_', '-'),
                skill.name().toLowerCase(Locale.ROOT).replace('_', '-'), language.code(), String.valueOf(seed),
                String.valueOf(index)));
        return conversation.dialogue(id, skill, language);
    }

    private static Language language(SplittableRandom random) {
        return LANGUAGES.get(random.nextInt(LANGUAGES.size()));
    }

    /** A generator of its own for each index: streams can begin anywhere. */
    private static SplittableRandom random(long seed, long index) {
        return new SplittableRandom(new SplittableRandom(seed).nextLong() + index * GOLDEN_GAMMA).split();
    }
}
