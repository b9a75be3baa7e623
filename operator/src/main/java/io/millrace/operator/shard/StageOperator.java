package io.millrace.operator.shard;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.operator.OperatorSettings;
import io.millrace.operator.metrics.ShardMetrics;
import io.millrace.operator.shard.ShardMessage.Compute;
import io.millrace.operator.shard.ShardMessage.Drawn;
import io.millrace.operator.shard.ShardMessage.Forget;
import io.millrace.operator.shard.ShardMessage.Leave;
import io.millrace.operator.shard.ShardMessage.Save;
import io.millrace.operator.state.KvBlock;
import io.millrace.operator.state.KvState;
import io.millrace.operator.state.SessionStore;
import io.millrace.runtime.kv.BlockCopy;
import io.millrace.runtime.kv.SavedKv;
import io.millrace.runtime.model.ModelShard;
import io.millrace.runtime.shard.DrawnTokens;
import io.millrace.runtime.shard.MicroBatch;
import io.millrace.runtime.shard.Stage;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.AbstractStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperatorFactory;
import org.apache.flink.streaming.api.operators.StreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.jspecify.annotations.Nullable;

/**
 * A shard but the first. It computes in its task thread, message after message: a checkpoint's barrier waits for the few
 * micro-batches that the engine has under way, and no session's state is older than what was computed of it before.
 */
final class StageOperator extends AbstractStreamOperator<ShardMessage>
        implements
            OneInputStreamOperator<ShardMessage, ShardMessage> {
    private static final long serialVersionUID = 1L;
    private static final String NOT_OPEN = "the operator is not open";

    private final OperatorSettings settings;
    private final int shard;
    private transient @Nullable MapState<Integer, KvBlock> blocks;
    private transient @Nullable TaskManagerLease<ModelShard> model;
    private transient @Nullable Stage stage;
    private transient @Nullable KvState kv;
    private transient @Nullable ShardMetrics shardMetrics;
    private transient boolean last;
    private transient long idleSince;

    private StageOperator(StreamOperatorParameters<ShardMessage> parameters, OperatorSettings settings, int shard) {
        super(parameters);
        this.settings = settings;
        this.shard = shard;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        blocks = SessionStore.kv(context.getKeyedStateStore());
    }

    @Override
    public void open() throws Exception {
        super.open();
        ShardLayout layout = ShardLayout.of(settings);
        last = shard == layout.split().shards() - 1;
        model = ModelLease.acquire(getContainingTask().getEnvironment().getSharedResources(), layout, shard);
        stage = Stage.open(model.resource(), layout.stageSize(shard));
        kv = new KvState(Objects.requireNonNull(blocks, "initializeState() comes before open()"),
                stage.kvLayout(), model.resource().weights().fingerprint() + layout.tag());
        Stage opened = stage;
        shardMetrics = new ShardMetrics(getMetricGroup(), shard, opened::blocksUsed, opened::blocks);
        idleSince = System.nanoTime();
    }

    @Override
    public void processElement(StreamRecord<ShardMessage> element) throws Exception {
        ShardMessage message = element.getValue();
        switch (message) {
            case Compute(String key, MicroBatch batch) -> compute(key, batch);
            case Save save -> {
                shardMetrics().saved(
                        kv().save((block, target) -> copy(save, block, target), save.from(), save.to())
                                .blocks().length);
                passOn(message);
            }
            case Leave(String key) -> {
                stage().leave(key);
                passOn(message);
            }
            case Forget _ -> {
                kv().clear();
                passOn(message);
            }
            case Drawn _ -> throw new IllegalStateException("tokens are drawn behind the last shard only");
        }
    }

    private void compute(String key, MicroBatch batch) throws Exception {
        long started = System.nanoTime();
        shardMetrics().waited(started - idleSince);
        ShardMessage result = switch (stage().compute(batch, this::saved)) {
            case MicroBatch next -> new Compute(key, next);
            case DrawnTokens tokens -> new Drawn(key, tokens);
        };
        idleSince = System.nanoTime();
        shardMetrics().computed(batch.rows(), batch.parts().size(), idleSince - started);
        emit(result);
    }

    private void passOn(ShardMessage message) {
        if (!last) {
            emit(message);
        }
    }

    private void emit(ShardMessage message) {
        output.collect(new StreamRecord<>(message));
    }

    private @Nullable SavedKv saved(String key, int positions) throws Exception {
        setCurrentKey(key);
        SavedKv found = kv().load(positions);
        shardMetrics().restored(found == null ? 0 : found.positions());
        if (found == null || found.positions() < positions) {
            shardMetrics().missing();
        }
        return found;
    }

    private BlockCopy copy(Save save, int block, MemorySegment target) {
        int id = save.blocks()[block - save.from() / BLOCK_POSITIONS];
        MemorySegment source = stage().block(id);
        MemorySegment.copy(source, 0, target, 0, source.byteSize());
        return new BlockCopy(id, Math.min(BLOCK_POSITIONS, save.to() - block * BLOCK_POSITIONS));
    }

    @Override
    public void close() throws Exception {
        try {
            // Also after an open() that failed.
            if (stage != null) {
                stage.close();
            }
            if (model != null) {
                model.release();
            }
        } finally {
            super.close();
        }
    }

    private Stage stage() {
        return Objects.requireNonNull(stage, NOT_OPEN);
    }

    private ShardMetrics shardMetrics() {
        return Objects.requireNonNull(shardMetrics, NOT_OPEN);
    }

    private KvState kv() {
        return Objects.requireNonNull(kv, NOT_OPEN);
    }

    /** Makes the operators of a shard. */
    static final class Factory extends AbstractStreamOperatorFactory<ShardMessage>
            implements
                OneInputStreamOperatorFactory<ShardMessage, ShardMessage> {
        private static final long serialVersionUID = 1L;

        private final OperatorSettings settings;
        private final int shard;

        Factory(OperatorSettings settings, int shard) {
            this.settings = settings;
            this.shard = shard;
        }

        @Override
        @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // The interface declares it so.
        public <T extends StreamOperator<ShardMessage>> T createStreamOperator(
                StreamOperatorParameters<ShardMessage> parameters) {
            return (T) new StageOperator(parameters, settings, shard);
        }

        @Override
        @SuppressWarnings("rawtypes") // As in the interface.
        public Class<? extends StreamOperator> getStreamOperatorClass(ClassLoader classLoader) {
            return StageOperator.class;
        }
    }
}
