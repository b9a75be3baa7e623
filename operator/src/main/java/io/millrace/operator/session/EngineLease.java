package io.millrace.operator.session;

import io.millrace.operator.OperatorSettings;
import java.util.UUID;
import org.apache.flink.runtime.memory.SharedResources;

/**
 * A subtask's share in the task manager's engine. The first lease loads the model, the last one closes it; slots and a
 * restart that overlaps share one load. Released in the task thread, after the sessions have left the engine.
 */
final class EngineLease {
    /**
     * Flink keeps the shared resources beyond class loaders. A class that another loader defined cannot be used here, so a
     * lease is shared only within this one.
     */
    private static final String LOADER = UUID.randomUUID().toString();

    private final SharedResources resources;
    private final String type;
    private final SharedEngine engine;

    private EngineLease(SharedResources resources, OperatorSettings settings) throws Exception {
        this.resources = resources;
        this.type = String.join("|", "millrace-engine", LOADER, settings.model(),
                Integer.toString(settings.maxNumSeqs()), Integer.toString(settings.maxNumBatchedTokens()),
                Long.toString(settings.kvBytes()), settings.kvType().name(), Integer.toString(settings.threads()),
                Boolean.toString(settings.prefixCache()), Integer.toString(settings.numSpeculativeTokens()),
                Integer.toString(settings.promptLookupNgram()));
        this.engine = resources
                .<SharedEngine>getOrAllocateSharedResource(type, this, _ -> SharedEngine.open(settings), 0)
                .resourceHandle();
    }

    static EngineLease acquire(SharedResources resources, OperatorSettings settings) throws Exception {
        return new EngineLease(resources, settings);
    }

    SharedEngine engine() {
        return engine;
    }

    /** Gives the share back, once. */
    void release() throws Exception {
        resources.release(type, this, _ -> {});
    }
}
