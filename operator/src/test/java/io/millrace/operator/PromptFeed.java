package io.millrace.operator;

import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.state.SessionInput;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;
import org.jspecify.annotations.Nullable;

/**
 * Inputs that a test adds while its jobs run: a topic of one partition in this JVM. A job reads it from the offset in its
 * checkpoint, and waits at its end.
 */
@SuppressWarnings("deprecation") // What comes in place of a source function is five classes for a list in memory.
final class PromptFeed {
    /** By name: a source that was serialized finds its feed. */
    private static final Map<String, PromptFeed> FEEDS = new ConcurrentHashMap<>();

    private final String name = "feed-" + FEEDS.size();
    private final List<SessionInput> inputs = new CopyOnWriteArrayList<>();

    PromptFeed() {
        FEEDS.put(name, this);
    }

    void add(PromptEvent prompt) {
        inputs.add(SessionInputs.of(prompt, null));
    }

    void add(SessionControl control) {
        inputs.add(SessionInputs.of(control, null));
    }

    /** The source's state belongs to this feed: another one begins at its own beginning. */
    DataStream<SessionInput> in(StreamExecutionEnvironment env) {
        return env.addSource(new Source(name), name, SessionInputs.TYPE).setParallelism(1).uid(name);
    }

    private static final class Source implements SourceFunction<SessionInput>, CheckpointedFunction {
        private static final long serialVersionUID = 1L;
        private final String feed;
        private volatile boolean running = true;
        private transient int next;
        @Nullable
        private transient ListState<Integer> offset;

        Source(String feed) {
            this.feed = feed;
        }

        @Override
        public void initializeState(FunctionInitializationContext context) throws Exception {
            ListState<Integer> offsets = context.getOperatorStateStore()
                    .getListState(new ListStateDescriptor<>("offset", Types.INT));
            offset = offsets;
            for (int saved : offsets.get()) {
                next = saved;
            }
        }

        @Override
        public void snapshotState(FunctionSnapshotContext context) throws Exception {
            Objects.requireNonNull(offset, "initialized before").update(List.of(next));
        }

        @Override
        public void run(SourceContext<SessionInput> context) throws InterruptedException {
            List<SessionInput> inputs = Objects.requireNonNull(FEEDS.get(feed)).inputs;
            while (running) {
                if (next < inputs.size()) {
                    synchronized (context.getCheckpointLock()) {
                        context.collect(inputs.get(next++));
                    }
                } else {
                    Thread.sleep(1);
                }
            }
        }

        @Override
        public void cancel() {
            running = false;

        }
    }
}
