package io.millrace.job.cli;

import io.millrace.job.bench.load.EndToEndBench;
import io.millrace.job.bench.load.Workload;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.weights.LlamaConfig;
import picocli.CommandLine.Option;

/** Which conversations {@code millrace bench --end-to-end} holds. */
final class EndToEndOptions {
    @Option(names = "--conversations", paramLabel = "N", defaultValue = "32", description = "End to end: conversations that run at the same time. Default: ${DEFAULT-VALUE}.")
    private int conversations;

    @Option(names = "--turns", paramLabel = "N", defaultValue = "2", description = "End to end: turns of each. Default: ${DEFAULT-VALUE}.")
    private int turns;

    @Option(names = "--tokens", paramLabel = "N", defaultValue = "64", description = "End to end: tokens of each answer, exactly. Default: ${DEFAULT-VALUE}.")
    private int tokens;

    @Option(names = "--compare-resend", description = "End to end: the same conversations also with the whole history sent and computed again in each turn, as a stateless server would.")
    private boolean compareResend;

    @Option(names = "--compare-shards", paramLabel = "N", defaultValue = "1", description = "End to end: the same conversations also with the model's layers shared out over so many shards, all in this process. Default: ${DEFAULT-VALUE}, which compares nothing.")
    private int compareShards;

    @Option(names = "--micro-batches", paramLabel = "N", defaultValue = "0", description = "End to end: steps under way through the shards at the same time; 0 for as many as shards. Default: ${DEFAULT-VALUE}.")
    private int microBatches;

    /** Throws when an option is out of range, naming it. */
    EndToEndBench.Comparisons comparisons() {
        Numbers.requirePositive("--compare-shards", compareShards);
        if (microBatches < 0) {
            throw new InvalidInput("--micro-batches: " + microBatches + " is not 0 or more");
        }
        return new EndToEndBench.Comparisons(compareResend, compareShards, microBatches);
    }

    /** Throws when an option is out of range, naming it. */
    Workload workload(int prompt) {
        Numbers.requirePositive("--conversations", conversations);
        Numbers.requirePositive("--turns", turns);
        Numbers.requirePositive("--tokens", tokens);
        return new Workload(conversations, turns, prompt, tokens);
    }

    /** Throws when the model or the machine has no room for the conversations. */
    static void requireRoom(Workload work, LlamaConfig config, KvType kvType) {
        int context = config.contextLength();
        if (work.positions() > context) {
            throw new InvalidInput("--turns, --prompt and --tokens: they ask for conversations of up to "
                    + work.positions() + " tokens, more than the model's context of " + context
                    + "; lower one of them");
        }
        long needed = EndToEndBench.kvBytes(work, KvLayout.of(config, kvType)) >> 20;
        long there = InspectCommand.machineMemory() >> 20;
        if (needed > there) {
            throw new InvalidInput("--conversations, --turns, --prompt and --tokens: they ask for " + needed
                    + " MiB of KV cache, and this machine has " + there + " MiB of memory; lower one of them");
        }
    }
}
