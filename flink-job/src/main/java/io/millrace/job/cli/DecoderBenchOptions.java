package io.millrace.job.cli;

import io.millrace.job.bench.BenchPlan;
import io.millrace.job.bench.DecoderBench;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LlamaConfig;
import java.util.List;
import picocli.CommandLine.Option;

/** Which tests of the decoder {@code millrace bench} runs. */
final class DecoderBenchOptions {
    @Option(names = "--pp", paramLabel = "N", defaultValue = "512", description = "Prefill: tokens of the prompt that is computed. Default: ${DEFAULT-VALUE}.")
    private int prefill;

    @Option(names = "--tg", paramLabel = "N", defaultValue = "64", description = "Decode: steps, one token per sequence each. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(names = "--batch", paramLabel = "N", split = ",", defaultValue = "1,4,8,16,32", description = "Decode: sequences that are computed together; a test for each number. Default: ${DEFAULT-VALUE}.")
    private List<Integer> batches;

    @Option(names = "--depth", paramLabel = "N", split = ",", defaultValue = "0", description = "Positions that every sequence has in its cache before the test begins; all tests for each number. Default: ${DEFAULT-VALUE}.")
    private List<Integer> depths;

    /** Throws when an option is out of range, naming it. */
    BenchPlan plan(int prompt, int repetitions) {
        Numbers.requirePositive("--pp", prefill);
        Numbers.requirePositive("--tg", steps);
        for (int batch : batches) {
            Numbers.requirePositive("--batch", batch);
            if (batch > DecoderBench.MAX_ROWS) {
                throw new InvalidInput(
                        "--batch: " + batch + " is more than the " + DecoderBench.MAX_ROWS + " rows of a forward pass");
            }
        }
        for (int depth : depths) {
            if (depth < 0) {
                throw new InvalidInput("--depth: " + depth + " is negative");
            }
        }
        return new BenchPlan(prefill, steps, batches, depths, prompt, repetitions);
    }

    /** Throws when the model or the machine has no room for the tests. */
    static void requireRoom(BenchPlan plan, LlamaConfig config, KvType kvType) {
        int context = config.contextLength();
        if (plan.positions() > context) {
            throw new InvalidInput("--pp, --prompt, --tg and --depth: they ask for a sequence of " + plan.positions()
                    + " positions, more than the model's context of " + context + "; lower one of them");
        }
        long needed = plan.kvBytes(KvLayout.of(config, kvType)) >> 20;
        long there = InspectCommand.machineMemory() >> 20;
        if (needed > there) {
            throw new InvalidInput("--pp, --batch, --prompt, --tg and --depth: they ask for " + needed
                    + " MiB of KV cache, and this machine has " + there + " MiB of memory; lower one of them");
        }
    }
}
