package io.millrace.operator.state;

import io.millrace.schemas.state.QueuedPrompt;
import io.millrace.schemas.state.SessionRecord;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.common.state.KeyedStateStore;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.IntSerializer;
import org.apache.flink.formats.avro.typeutils.AvroSerializer;
import org.jspecify.annotations.Nullable;

/**
 * The keyed state of sessions: {@code session} is the record, {@code queue} the accepted prompts that are not answered, the
 * running one first, and {@code kv} the KV blocks. A key is in {@code queue} exactly while it has work.
 */
public final class SessionStore {
    /** Name of the state that enumerates the keys with work. */
    public static final String QUEUE = "queue";

    private final ValueState<SessionRecord> session;
    private final ListState<QueuedPrompt> queue;
    private final MapState<Integer, KvBlock> kv;

    public SessionStore(KeyedStateStore states) {
        this.session = states
                .getState(new ValueStateDescriptor<>("session", new AvroSerializer<>(SessionRecord.class)));
        this.queue = states.getListState(new ListStateDescriptor<>(QUEUE, new AvroSerializer<>(QueuedPrompt.class)));
        this.kv = kv(states);
    }

    /** The KV blocks alone, which are all that a further shard keeps. */
    public static MapState<Integer, KvBlock> kv(KeyedStateStore states) {
        return states.getMapState(new MapStateDescriptor<>("kv", IntSerializer.INSTANCE, KvBlockSerializer.INSTANCE));
    }

    /** The current key's record, or null when it has no session. Not to be changed. */
    public @Nullable SessionRecord session() throws Exception {
        return session.value();
    }

    /** Replaces the record; it must not be changed afterwards. */
    public void putSession(SessionRecord record) throws Exception {
        session.update(record);
    }

    /** The current key's prompts, oldest first. */
    public Iterable<QueuedPrompt> queue() throws Exception {
        Iterable<QueuedPrompt> queued = queue.get();
        return queued == null ? List.of() : queued;
    }

    public void enqueue(QueuedPrompt prompt) throws Exception {
        queue.add(prompt);
    }

    /** Replaces the queue, after a prompt was answered or cancelled. */
    public void putQueue(Collection<QueuedPrompt> prompts) throws Exception {
        if (prompts.isEmpty()) {
            queue.clear();
        } else {
            queue.update(List.copyOf(prompts));
        }
    }

    /** The KV blocks; {@link KvState} knows what is in them. */
    public MapState<Integer, KvBlock> kv() {
        return kv;
    }

    /** Forgets all of the current key. */
    public void clear() {
        session.clear();
        queue.clear();
        kv.clear();
    }
}
