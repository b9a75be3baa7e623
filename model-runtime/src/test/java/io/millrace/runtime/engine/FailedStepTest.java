package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.runtime.shard.Draws;
import io.millrace.runtime.engine.Recorder.Outcome;
import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.model.Decoder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Forward passes that throw. */
class FailedStepTest {
    private static final int TURNS = 4;
    private static final int PROMPT = 20;

    /** The turns' outcomes when a pass fails that computes the first token of one of {@code poison}. */
    private static List<Outcome> outcomes(Set<Integer> poison, int turns) throws IOException, InterruptedException {
        return outcomes(poison, turns, false);
    }

    private static List<Outcome> outcomes(Set<Integer> poison, int turns, boolean broken)
            throws IOException, InterruptedException {
        try (TinyLlama llama = new TinyLlama(); WorkerPool workers = new WorkerPool(1)) {
            EngineOptions options = llama.options(100);
            Set<Integer> guilty = Set
                    .copyOf(poison.stream().map(turn -> llama.prompt(turn, PROMPT)[PROMPT - 1]).toList());
            try (KvBlockPool pool = new KvBlockPool(KvLayout.of(llama.weights.config(), options.kvType()),
                    options.kvBytes())) {
                Decoder decoder = new Decoder(llama.weights, llama.model.packed(), new ScalarKernels(), workers, pool,
                        64, options.logitRows());
                ForwardPass pass = batch -> {
                    decoder.forward(batch);
                    if (broken || IntStream.range(0, batch.rows())
                            .anyMatch(row -> batch.position(row) == PROMPT - 1 && guilty.contains(batch.token(row)))) {
                        throw new IndexOutOfBoundsException("a kernel's bug");
                    }
                };
                StepLoop loop = new StepLoop(options, pool, pass, new Batch(64, options.logitRows()),
                        new StepLoop.Continuation.Draw(new Draws(decoder, workers,
                                llama.weights.config().vocabSize(), options.logitRows())),
                        new StepObservers());
                List<Recorder> recorders = new ArrayList<>();
                for (int i = 0; i < turns; i++) {
                    recorders.add(new Recorder());
                    loop.submit(new Sequence("", recorders.get(i), pool, null),
                            new Turn(Request.of(llama.prompt(i, PROMPT)).maxNewTokens(12).build(), llama.tokenizer,
                                    TinyLlama.CONTEXT, i, 0));
                }
                while (loop.stats().running() + loop.stats().waiting() > 0) {
                    loop.step();
                }
                List<Outcome> outcomes = new ArrayList<>();
                for (Recorder recorder : recorders) {
                    outcomes.add(recorder.outcome());
                }
                return outcomes;
            }
        }
    }

    @Test
    void theSequenceThatFailsAloneEndsWithAnErrorAndTheOthersSayWhatTheyWouldHaveSaid()
            throws IOException, InterruptedException {
        List<Outcome> undisturbed = outcomes(Set.of(), TURNS);
        List<Outcome> disturbed = outcomes(Set.of(2), TURNS);
        assertThat(disturbed.get(2).finish()).isEqualTo(FinishReason.ERROR);
        assertThat(disturbed.get(2).error()).isEqualTo("a kernel's bug");
        for (int i : new int[]{0, 1, 3}) {
            assertThat(disturbed.get(i)).isEqualTo(undisturbed.get(i));
        }
    }

    @Test
    void aSequenceWhoseStepWasItsOwnEndsWithAnError() throws IOException, InterruptedException {
        assertThat(outcomes(Set.of(0), 1)).singleElement().extracting(Outcome::finish).isEqualTo(FinishReason.ERROR);
    }

    @Test
    void allOfAStepMayBeGuilty() throws IOException, InterruptedException {
        assertThat(outcomes(Set.of(0, 1), 2)).extracting(Outcome::finish).containsOnly(FinishReason.ERROR);
    }

    @Test
    void whenNothingCanBeComputedTheEngineFailsAndNoTurnIsToBlame() {
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> outcomes(Set.of(), 2, true))
                .withMessage("a kernel's bug");
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> outcomes(Set.of(), 1, true));
    }
}
