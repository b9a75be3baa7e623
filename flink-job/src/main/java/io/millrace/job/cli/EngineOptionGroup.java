package io.millrace.job.cli;

import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.kv.KvType;
import picocli.CommandLine.Option;

/** How an engine of this process is set up, for the verbs that run one without Flink. */
final class EngineOptionGroup {
    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute. Default: one per processor.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--kv-type", paramLabel = "TYPE", defaultValue = "f16", description = "How the KV cache stores values: f32, f16, bf16 or q8. Default: ${DEFAULT-VALUE}.")
    private KvType kvType;

    @Option(names = "--kv-memory", paramLabel = "MIB", defaultValue = "1024", description = "Upper limit of the KV cache, in MiB; taken as it is needed. Default: ${DEFAULT-VALUE}.")
    private int kvMebibytes;

    @Option(names = "--num-speculative-tokens", paramLabel = "N", defaultValue = "0", description = "At most this many tokens are guessed from the text so far and verified in one pass; the answer stays the same. Default: ${DEFAULT-VALUE}.")
    private int numSpeculativeTokens;

    @Option(names = "--prompt-lookup-ngram", paramLabel = "N", defaultValue = "3", description = "Tokens are guessed where the last ones, this many, occurred earlier. Default: ${DEFAULT-VALUE}.")
    private int promptLookupNgram;

    /** Throws when an option is out of range, naming it. */
    EngineOptions options() {
        if (threads < 1) {
            throw new InvalidInput("--threads: " + threads + " is not 1 or more");
        }
        if (kvMebibytes < 1) {
            throw new InvalidInput("--kv-memory: " + kvMebibytes + " is not 1 or more");
        }
        if (numSpeculativeTokens < 0) {
            throw new InvalidInput("--num-speculative-tokens: " + numSpeculativeTokens + " is not 0 or more");
        }
        if (promptLookupNgram < 1) {
            throw new InvalidInput("--prompt-lookup-ngram: " + promptLookupNgram + " is not 1 or more");
        }
        return EngineOptions.defaults().withThreads(threads).withKvType(kvType).withKvBytes((long) kvMebibytes << 20)
                .withSpeculation(numSpeculativeTokens, promptLookupNgram);
    }
}
