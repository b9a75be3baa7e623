package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.PrefixCache;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.shard.Draws;
import io.millrace.runtime.sampling.SamplingParameters;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StepLoopTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int STEPS = 300;
    /** A step, its timing and its text: what a listener gets for a token. */
    private static final int REPORT_BYTES = 256;
    /** Scratch that the scalar kernels make for a row: 16 lanes for each of the five norms of two layers. */
    private static final int ROW_BYTES = 5 * (16 + 16 * Float.BYTES);

    /** Counts tokens, and allocates nothing. */
    private static final class Counter implements GenerationListener {
        private int tokens;

        @Override
        public void onStep(GenerationStep step) {
            tokens += step.token() >= 0 ? 1 : 0;
        }

        @Override
        public void onEvictionRequest() {}

        @Override
        public void onEngineFailure(Throwable cause) {}
    }

    /** With scalar kernels, since vectors are objects until they are compiled. */
    @ParameterizedTest
    @ValueSource(ints = {0, 4})
    void aTokenCostsNothingButItsReport(int speculativeTokens) throws IOException {
        try (TinyLlama llama = new TinyLlama(); WorkerPool workers = new WorkerPool(1)) {
            EngineOptions options = llama.options(200).withSpeculation(speculativeTokens, 1);
            try (KvBlockPool pool = new KvBlockPool(KvLayout.of(llama.weights.config(), options.kvType()),
                    options.kvBytes())) {
                PrefixCache cache = new PrefixCache(pool, PrefixCache.BlockHash.seeded());
                Decoder decoder = new Decoder(llama.weights, llama.model.packed(), new ScalarKernels(), workers, pool,
                        64, options.logitRows());
                StepLoop loop = new StepLoop(options, pool, decoder::forward, new Batch(64, options.logitRows()),
                        new StepLoop.Continuation.Draw(new Draws(decoder, workers,
                                llama.weights.config().vocabSize(), options.logitRows())),
                        new StepObservers());
                Counter counter = new Counter();
                int word = llama.prompt(3, 1)[0];
                for (int i = 0; i < 3; i++) {
                    SamplingParameters sampling = new SamplingParameters(0.8f, 0, 0.95f, 0, 1.1f, 0.1f, 0.1f,
                            i == 0 ? Map.of(word, 100f) : Map.of(), i);
                    Request request = Request.of(llama.prompt(i, 20)).sampling(sampling).maxNewTokens(10_000)
                            .topLogprobs(-1);
                    loop.submit(new Sequence("", counter, pool, cache),
                            new Turn(request.build(), llama.tokenizer, 512, i, 0));
                }
                loop.step();
                long[] perToken = new long[STEPS];
                int steps = 0;
                while (steps < STEPS && loop.stats().running() == 3) {
                    int tokens = counter.tokens;
                    long drafted = loop.stats().draftedTokens();
                    long before = THREADS.getCurrentThreadAllocatedBytes();
                    loop.step();
                    long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
                    long rows = 3 + loop.stats().draftedTokens() - drafted;
                    perToken[steps++] = (allocated - rows * ROW_BYTES) / (counter.tokens - tokens);
                }
                assertThat(steps).isGreaterThan(50);
                assertThat(loop.stats().acceptedTokens() > 0).isEqualTo(speculativeTokens > 0);
                // Some steps begin a block, or let an array double.
                Arrays.sort(perToken, 0, steps);
                assertThat(perToken[steps / 2]).isLessThan(REPORT_BYTES);
            }
        }
    }
}
