package io.millrace.job.cli;

import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.kv.KvType;
import picocli.CommandLine.Option;

/** How an engine of this process is set up, for the verbs that run one without Flink. */
final class EngineOptionGroup {
    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute. Default: one per processor.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--kv-type", paramLabel = "TYPE", defaultValue = "f16", description = "How the KV cache stores values: f16 or f32. Default: ${DEFAULT-VALUE}.")
    private KvType kvType;

    @Option(names = "--kv-memory", paramLabel = "MIB", defaultValue = "1024", description = "Upper limit of the KV cache, in MiB; taken as it is needed. Default: ${DEFAULT-VALUE}.")
    private int kvMebibytes;

    /** Throws when an option is out of range, naming it. */
    EngineOptions options() {
        if (threads < 1) {
            throw new InvalidInput("--threads: " + threads + " is not 1 or more");
        }
        if (kvMebibytes < 1) {
            throw new InvalidInput("--kv-memory: " + kvMebibytes + " is not 1 or more");
        }
        return EngineOptions.defaults().withThreads(threads).withKvType(kvType).withKvBytes((long) kvMebibytes << 20);
    }
}
