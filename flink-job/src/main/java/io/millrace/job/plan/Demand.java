package io.millrace.job.plan;

import io.millrace.operator.shard.ActivationType;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;

/**
 * What is asked of the job.
 *
 * @param context tokens that a session may have
 * @param sessions whose keys and values stay in memory, in the whole job
 * @param batch of those how many decode at the same time
 */
public record Demand(int context, int sessions, int batch, KvType kvType, ActivationType activationType) {
    public Demand {
        if (context < 1 || sessions < 1 || batch < 1 || batch > sessions) {
            throw new IllegalArgumentException(
                    "context of " + context + ", " + sessions + " sessions, " + batch + " of them decoding");
        }
    }

    /** Blocks of the KV cache of a session. */
    long blocksPerSession() {
        return KvLayout.blocksFor(context);
    }

    public Demand withContext(int context) {
        return new Demand(context, sessions, batch, kvType, activationType);
    }

    /** With fewer sessions fewer can decode. */
    public Demand withSessions(int sessions) {
        return new Demand(context, sessions, Math.min(batch, sessions), kvType, activationType);
    }
}
