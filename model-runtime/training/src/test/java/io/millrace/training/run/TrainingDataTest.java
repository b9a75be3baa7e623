package io.millrace.training.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.training.network.NetworkShape;
import io.millrace.training.tokens.TrainingSequence;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingDataTest {
    private final TrainingData data;

    TrainingDataTest(@TempDir Path directory) throws IOException {
        Map<Stage, Budget> budgets = new EnumMap<>(Stage.class);
        Arrays.stream(Stage.values()).forEach(stage -> budgets.put(stage, new Budget(1, 1, 1, 0)));
        TrainingPlan plan = new TrainingPlan(7, new NetworkShape(2000, 1, 32, 64, 2, 1, 16, 10_000f, 1e-5f), 300, 2048,
                budgets, new TrainingPlan.Sampling(8, 2, 0.9f), new TrainingPlan.Preference(0.1f, 0.2f));
        data = TrainingData.open(plan, RunDirectory.open(directory.resolve("run"), plan), new Silence());
    }

    @Test
    void aFifthOfTheTokensAreRandomRepeatsWhereTheModelIsMade() {
        assertThat(shareOfRepeats(data.pretraining())).isBetween(0.1, 0.3);
        assertThat(shareOfRepeats(data.fineTuning())).isBetween(0.1, 0.3);
        assertThat(shareOfRepeats(data.dialogues(Stage.REJECTION_SAMPLING))).isZero();
    }

    @Test
    void othersStandAmongSequences() {
        Iterator<TrainingSequence> sequences = TrainingData.interspersed(numbered(0), 2, numbered(100));

        List<Integer> first = Stream.generate(sequences::next).limit(7)
                .map(sequence -> sequence.tokens()[0]).toList();

        assertThat(first).containsExactly(100, 0, 1, 101, 2, 3, 102);
    }

    private static Iterator<TrainingSequence> numbered(int from) {
        return IntStream.iterate(from, number -> number + 1)
                .mapToObj(number -> new TrainingSequence(new int[]{number}, new float[1])).iterator();
    }

    /** Texts begin with a special token; random repeats have none. */
    private double shareOfRepeats(Iterator<TrainingSequence> sequences) {
        Tokenizer tokenizer = data.vocabulary().tokenizer();
        long all = 0;
        long repeats = 0;
        for (int i = 0; i < 1000; i++) {
            TrainingSequence sequence = sequences.next();
            all += sequence.length();
            repeats += tokenizer.isSpecial(sequence.tokens()[0]) ? 0 : sequence.length();
        }
        return (double) repeats / all;
    }

    private static final class Silence implements TrainingListener {
        @Override
        public void said(String line) {}

        @Override
        public void stepped(LossPoint point, long tokens, long tokensInAll) {}
    }
}
