package io.millrace.operator.session;

import io.millrace.operator.LlamaStreams;
import io.millrace.operator.OperatorSettings;
import io.millrace.operator.metrics.PipelineMetrics;
import io.millrace.operator.metrics.SessionMetrics;
import io.millrace.operator.metrics.ShardMetrics;
import io.millrace.operator.shard.Feedback;
import io.millrace.operator.shard.MicroBatchOutbox;
import io.millrace.operator.shard.ShardLayout;
import io.millrace.operator.shard.ShardMessage;
import io.millrace.operator.shard.ShardPipeline;
import io.millrace.operator.shard.TaskManagerLease;
import io.millrace.operator.state.KvState;
import io.millrace.operator.state.ModelState;
import io.millrace.operator.state.SessionStore;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.state.ModelRecord;
import io.millrace.schemas.state.Origin;
import io.millrace.schemas.state.SessionInput;
import io.millrace.schemas.state.SessionRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.runtime.checkpoint.CheckpointOptions;
import org.apache.flink.runtime.checkpoint.SavepointType;
import org.apache.flink.runtime.memory.SharedResources;
import org.apache.flink.runtime.operators.coordination.OperatorEvent;
import org.apache.flink.runtime.operators.coordination.OperatorEventHandler;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OperatorSnapshotFutures;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.operators.Triggerable;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.util.OutputTag;
import org.jspecify.annotations.Nullable;

/**
 * Answers prompts, keyed by {@link io.millrace.operator.SessionInputs#key}. Completions are its output, token deltas and
 * dead letters its side outputs; none carries an event time.
 *
 * <p>The task thread accepts, commits and emits; the task manager's engine computes. An accepted prompt is in keyed state
 * before the next record is read, and stays there until its completion is emitted, so both are in the same checkpoint or
 * none is. When enough prompts are accepted, {@link #processElement} waits in the mailbox, where answers are committed. The
 * record is done with by then, so checkpoints are taken there as well: an unaligned one waits for nothing, and a savepoint for
 * the prompts before its barrier to be accepted, beyond the limit, but not for any to be answered.
 */
final class SessionOperator extends AbstractStreamOperator<CompletionEvent>
        implements
            OneInputStreamOperator<SessionInput, CompletionEvent>,
            BoundedOneInput,
            Triggerable<String, VoidNamespace>,
            OperatorEventHandler {
    private static final long serialVersionUID = 1L;
    private static final long NO_CHECKPOINT = -1;
    private static final String NOT_OPEN = "the operator is not open";

    private final transient MailboxExecutor mailbox;
    /** Runs the task's own mails too, among them checkpoints: only for where no record is half processed. */
    private final transient MailboxExecutor taskMailbox;
    private final transient AcceptanceLimit limit;
    private final OperatorSettings settings;
    private final String pipeline;
    private final OutputTag<ShardMessage> shardMessages;
    private final int reportsPerMail;
    private transient @Nullable SessionStore store;
    private transient @Nullable ModelState models;
    private transient @Nullable EngineLease lease;
    private transient @Nullable TaskManagerLease<Feedback> feedback;
    private transient @Nullable EngineInbox inbox;
    private transient @Nullable ShardMetrics shard;
    private transient @Nullable SessionCache cache;
    private transient @Nullable Sessions sessions;
    /** The synchronous savepoint after which nothing may be emitted any more. */
    private transient long finalSavepoint = NO_CHECKPOINT;
    /** Timers that fired after it: they may answer prompts. The savepoint has them too. */
    private final transient List<InternalTimer<String, VoidNamespace>> heldTimers = new ArrayList<>();
    /** Whether what is snapshot now is a savepoint, which is made once and then gone on from. */
    private transient boolean isSavepoint;

    /** @param pipeline name of its shards in the job */
    SessionOperator(StreamOperatorParameters<CompletionEvent> parameters, OperatorSettings settings, String pipeline,
            int reportsPerMail) {
        super(parameters);
        this.mailbox = parameters.getMailboxExecutor();
        this.taskMailbox = parameters.getContainingTask().getMailboxExecutorFactory()
                .createExecutor(TaskMailbox.MIN_PRIORITY);
        this.limit = new AcceptanceLimit(settings.maxAcceptedPrompts());
        this.settings = settings;
        this.pipeline = pipeline;
        this.shardMessages = ShardPipeline.messages(settings);
        this.reportsPerMail = reportsPerMail;
    }

    // ----------------------------------------------------------------------------------------------- life cycle

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        store = new SessionStore(context.getKeyedStateStore());
        models = new ModelState(context.getOperatorStateStore());
    }

    @Override
    public void open() throws Exception {
        super.open();
        InternalTimerService<VoidNamespace> timers = getInternalTimerService("session-expiry",
                VoidNamespaceSerializer.INSTANCE, this);
        String tag = "";
        if (sharded()) {
            tag = openShards().tag();
        } else {
            lease = EngineLease.acquire(sharedResources(), settings);
        }
        SharedEngine engine = Objects.requireNonNull(lease).engine();
        SessionStore states = Objects.requireNonNull(store, "initializeState() comes before open()");
        Host host = new Host(timers);
        KvState kv = new KvState(states.kv(), engine.engine().kvLayout(), engine.fingerprint() + tag);
        List<String> keysWithWork = keysWithWork();
        checkModel(new ModelRecord(engine.fingerprint(), kv.tag()), states, keysWithWork);
        shard = new ShardMetrics(getMetricGroup(), 0, () -> engine.engine().stats().blocksUsed(),
                () -> engine.engine().stats().blocksTotal());
        engine.engine().observe(shard);
        if (sharded()) {
            // The engine is this subtask's own, and ends with it.
            engine.engine()
                    .observe(new PipelineMetrics(getMetricGroup(), () -> engine.engine().stats().microBatches()));
        }
        SessionCache live = new SessionCache(states, kv, host, shard, settings.ttlMillis());
        SessionMetrics metrics = new SessionMetrics(getMetricGroup(), () -> sessions().accepted(), live::size,
                engine.engine()::stats);
        inbox = new EngineInbox(mailbox, reportsPerMail, report -> sessions().read(report));
        cache = live;
        sessions = new Sessions(settings, engine, live, inbox, host, metrics);
        sessions().restore(keysWithWork);
    }

    private ShardLayout openShards() throws Exception {
        ShardLayout layout = ShardLayout.of(settings);
        lease = EngineLease.acquire(sharedResources(), layout,
                new MicroBatchOutbox(mailbox, settings.microBatches(), this::emit));
        feedback = Feedback.lease(sharedResources(), getRuntimeContext(), pipeline);
        feedback.resource().connect(lease.engine().engine()::land);
        return layout;
    }

    private SharedResources sharedResources() {
        return getContainingTask().getEnvironment().getSharedResources();
    }

    private boolean sharded() {
        return settings.shards().count() > 1;
    }

    private void emit(ShardMessage message) {
        output.collect(shardMessages, new StreamRecord<>(message));
    }

    private List<String> keysWithWork() {
        try (Stream<String> keys = this.<String>getKeyedStateBackend().getKeys(SessionStore.QUEUE,
                VoidNamespace.INSTANCE)) {
            // All of them before the first is restored, which changes the state that is enumerated.
            return keys.distinct().toList();
        }
    }

    /** Before any session is touched. State of older builds tells the model only session by session. */
    private void checkModel(ModelRecord engine, SessionStore states, List<String> keysWithWork) throws Exception {
        ModelState kept = Objects.requireNonNull(models, "initializeState() comes before open()");
        List<ModelRecord> computedBy = kept.read();
        if (computedBy.isEmpty()) {
            for (String key : keysWithWork) {
                setCurrentKey(key);
                SessionRecord session = states.session();
                if (session != null) {
                    computedBy.add(new ModelRecord(session.getModelFingerprint(), ""));
                }
            }
        }
        String warning = RestoredModel.check(computedBy, engine, settings);
        if (warning != null && getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0) {
            LOG.warn(warning);
        }
        kept.write(engine);
    }

    /** Bounded input and a stop with drain: everything accepted is answered before the operator finishes. */
    @Override
    public void endInput() throws Exception {
        while (sessions().accepted() > 0) {
            taskMailbox.yield();
        }
        if (sharded()) {
            // The other shards hear of nothing after this, also not of what the last checkpoint saves.
            Objects.requireNonNull(cache, NOT_OPEN).saveAll(true);
        }
    }

    @Override
    public void close() throws Exception {
        try {
            // Also after an open() that failed. The sessions leave first: the engine may outlive this subtask.
            if (cache != null) {
                cache.abandon();
            }
            if (feedback != null) {
                feedback.resource().disconnect();
                feedback.release();
            }
            if (lease != null) {
                if (shard != null) {
                    lease.engine().engine().stopObserving(shard);
                }
                lease.release();
            }
        } finally {
            super.close();
        }
    }

    // ---------------------------------------------------------------------------------------------------- input

    @Override
    public void processElement(StreamRecord<SessionInput> element) throws Exception {
        SessionInput input = element.getValue();
        PromptEvent prompt = input.getPrompt();
        SessionControl control = input.getControl();
        String key = (String) getCurrentKey();
        if (prompt != null) {
            sessions().accept(key, prompt, input.getOrigin());
        } else if (control != null) {
            sessions().control(key, control, input.getOrigin());
        } else {
            sessions().reject("empty_input", "neither a prompt nor a control", input, input.getOrigin());
        }
        // Mails that run here change the current key, so nothing may follow that needs it.
        while (limit.reached(sessions().accepted())) {
            taskMailbox.yield();
        }
    }

    @Override
    public void handleOperatorEvent(OperatorEvent event) {
        limit.expect(((SavepointNotice) event).checkpointId());
    }

    @Override
    public void onProcessingTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
        if (finalSavepoint == NO_CHECKPOINT) {
            sessions().onTimer(timer.getKey(), timer.getTimestamp());
        } else {
            heldTimers.add(timer);
        }
    }

    @Override
    public void onEventTime(InternalTimer<String, VoidNamespace> timer) {
        throw new IllegalStateException("no event time timer is ever set");
    }

    // ----------------------------------------------------------------------------------------------- checkpoints

    /** What the other shards are to save they must hear of before the barrier comes to them. */
    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        super.prepareSnapshotPreBarrier(checkpointId);
        if (sharded()) {
            Objects.requireNonNull(cache, NOT_OPEN).saveAll(limit.expects(checkpointId));
        }
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        if (!sharded()) {
            Objects.requireNonNull(cache, NOT_OPEN).saveAll(isSavepoint);
        }
    }

    @Override
    public OperatorSnapshotFutures snapshotState(long checkpointId, long timestamp, CheckpointOptions options,
            CheckpointStreamFactory factory) throws Exception {
        isSavepoint = options.getCheckpointType().isSavepoint();
        OperatorSnapshotFutures snapshot = super.snapshotState(checkpointId, timestamp, options, factory);
        limit.snapshot(checkpointId);
        if (options.getCheckpointType() instanceof SavepointType savepoint && savepoint.isSynchronous()) {
            // The job that is restored from here emits what comes after it; this one must not as well.
            finalSavepoint = checkpointId;
            sessions().suspend();
        }
        return snapshot;
    }

    @Override
    public void notifyCheckpointAborted(long checkpointId) throws Exception {
        super.notifyCheckpointAborted(checkpointId);
        limit.aborted(checkpointId);
        if (checkpointId == finalSavepoint) {
            finalSavepoint = NO_CHECKPOINT;
            sessions().resume();
            for (InternalTimer<String, VoidNamespace> timer : heldTimers) {
                setCurrentKey(timer.getKey());
                sessions().onTimer(timer.getKey(), timer.getTimestamp());
            }
            heldTimers.clear();
        }
    }

    private Sessions sessions() {
        return Objects.requireNonNull(sessions, NOT_OPEN);
    }

    EngineInbox inbox() {
        return Objects.requireNonNull(inbox, NOT_OPEN);
    }

    private final class Host implements SessionHost {
        private final InternalTimerService<VoidNamespace> timers;

        Host(InternalTimerService<VoidNamespace> timers) {
            this.timers = timers;
        }

        @Override
        public void setCurrentKey(String key) {
            SessionOperator.this.setCurrentKey(key);
        }

        @Override
        public long currentMillis() {
            return timers.currentProcessingTime();
        }

        @Override
        public void setTimer(long millis) {
            timers.registerProcessingTimeTimer(VoidNamespace.INSTANCE, millis);
        }

        @Override
        public void deleteTimer(long millis) {
            timers.deleteProcessingTimeTimer(VoidNamespace.INSTANCE, millis);
        }

        @Override
        public void emit(CompletionEvent completion) {
            output.collect(new StreamRecord<>(completion));
        }

        @Override
        public void emit(TokenDelta delta) {
            output.collect(LlamaStreams.DELTAS, new StreamRecord<>(delta));
        }

        @Override
        public void emit(ShardMessage message) {
            if (sharded()) {
                SessionOperator.this.emit(message);
            }
        }

        @Override
        public void emit(DeadLetter letter) {
            output.collect(LlamaStreams.DEAD_LETTERS, new StreamRecord<>(letter));
        }
    }
}
