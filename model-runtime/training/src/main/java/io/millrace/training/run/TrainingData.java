package io.millrace.training.run;

import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.training.desk.DeskCorpus;
import io.millrace.training.desk.Language;
import io.millrace.training.desk.Part;
import io.millrace.training.desk.Phrasebook;
import io.millrace.training.desk.Skill;
import io.millrace.training.tokens.DeskVocabulary;
import io.millrace.training.tokens.DialogueEncoder;
import io.millrace.training.tokens.RandomRepeats;
import io.millrace.training.tokens.TrainingSequence;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;

/** What a run's stages read: endless, each stage its own part of the corpus, the same for equal seeds. */
final class TrainingData {
    /** Held-out dialogues of each skill and language whose loss is watched. */
    private static final int HELD_OUT = 2;
    /** A document after so many dialogues of pre-training. */
    private static final int DIALOGUES_PER_DOCUMENT = 1;
    /** Random repeats after so many texts: about a sixth of the tokens. */
    private static final int TEXTS_PER_REPEATS = 7;

    private final TrainingPlan plan;
    private final DeskCorpus corpus;
    private final LearnedVocabulary vocabulary;
    private final DialogueEncoder encoder;
    private final List<TrainingSequence> heldOut = new ArrayList<>();

    private TrainingData(TrainingPlan plan, DeskCorpus corpus, LearnedVocabulary vocabulary) {
        this.plan = plan;
        this.corpus = corpus;
        this.vocabulary = vocabulary;
        encoder = new DialogueEncoder(vocabulary.tokenizer());
        for (Skill skill : Skill.values()) {
            for (Language language : Language.values()) {
                corpus.heldOut(skill, language, HELD_OUT)
                        .forEach(dialogue -> heldOut.add(encoder.dialogue(dialogue)));
            }
        }
    }

    /** Opens the corpus with the run's vocabulary, which is learned when the run begins. */
    static TrainingData open(TrainingPlan plan, RunDirectory directory, TrainingListener listener)
            throws IOException {
        DeskCorpus corpus = new DeskCorpus(Phrasebook.load());
        if (!Files.exists(directory.vocabulary())) {
            listener.said("Learning a vocabulary of %,d tokens from %,d dialogues and as many documents."
                    .formatted(plan.shape().vocabSize(), plan.vocabularyTexts()));
            long seed = seed(plan, Stage.PRETRAINING);
            LearnedVocabulary learned = DeskVocabulary.learn(
                    corpus.dialogues(Part.TRAIN, seed).limit(plan.vocabularyTexts()),
                    corpus.documents(seed).limit(plan.vocabularyTexts()), plan.shape().vocabSize());
            directory.replace(directory.vocabulary(), temporary -> DeskVocabulary.write(temporary, learned));
        }
        return new TrainingData(plan, corpus, DeskVocabulary.read(directory.vocabulary()));
    }

    LearnedVocabulary vocabulary() {
        return vocabulary;
    }

    /** Documents and dialogues in turn, everything in them to be predicted, and random repeats among them. */
    Iterator<TrainingSequence> pretraining() {
        long seed = seed(plan, Stage.PRETRAINING);
        Iterator<TrainingSequence> documents = corpus.documents(seed)
                .flatMap(text -> encoder.document(text).stream()).iterator();
        Iterator<TrainingSequence> dialogues = corpus.dialogues(Part.TRAIN, seed).map(encoder::wholeDialogue)
                .iterator();
        return withRepeats(interspersed(dialogues, DIALOGUES_PER_DOCUMENT, documents), seed);
    }

    /** Dialogues, and random repeats among them. */
    Iterator<TrainingSequence> fineTuning() {
        return withRepeats(dialogues(Stage.FINE_TUNING), seed(plan, Stage.FINE_TUNING));
    }

    /** Dialogues of which the assistant's part is to be predicted. */
    Iterator<TrainingSequence> dialogues(Stage stage) {
        return corpus.dialogues(Part.TRAIN, seed(plan, stage)).map(encoder::dialogue).iterator();
    }

    /** A few held-out dialogues of each skill and language. */
    List<TrainingSequence> heldOut() {
        return heldOut;
    }

    /** The seed of the dialogues whose prompts are answered before a stage; no stage trains on those. */
    static long samplingSeed(TrainingPlan plan, Stage stage) {
        return seed(plan, stage) + Stage.values().length;
    }

    private static long seed(TrainingPlan plan, Stage stage) {
        return plan.seed() * 2 * Stage.values().length + stage.number();
    }

    private Iterator<TrainingSequence> withRepeats(Iterator<TrainingSequence> texts, long seed) {
        return interspersed(texts, TEXTS_PER_REPEATS, new RandomRepeats(vocabulary, seed));
    }

    /** One of {@code others}, then {@code count} of {@code sequences}, and so on. */
    static Iterator<TrainingSequence> interspersed(Iterator<TrainingSequence> sequences, int count,
            Iterator<TrainingSequence> others) {
        return Stream.iterate(0L, index -> index + 1)
                .map(index -> index % (count + 1) == 0 ? others.next() : sequences.next()).iterator();
    }
}
