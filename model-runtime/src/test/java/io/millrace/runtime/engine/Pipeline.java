package io.millrace.runtime.engine;

import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.SavedKv;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.model.ModelShard;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.shard.Downstream;
import io.millrace.runtime.shard.DrawnTokens;
import io.millrace.runtime.shard.MicroBatch;
import io.millrace.runtime.shard.Stage;
import io.millrace.runtime.shard.StepOutput;
import io.millrace.runtime.weights.LayerSplit;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/**
 * An engine of the first shard and the stages behind it, in this process: what the engine sends goes through all of them in the
 * order in which it was sent, on a thread of their own.
 */
final class Pipeline implements AutoCloseable, Downstream {
    private final LlamaModel head;
    private final List<ModelShard> models = new ArrayList<>();
    private final List<Stage> stages = new ArrayList<>();
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final int depth;
    private final Engine engine;
    /** By stage and sequence. */
    private final List<ConcurrentHashMap<String, HeapKv>> saved = new ArrayList<>();
    private volatile boolean repeats;
    private volatile int largestInFlight;
    private int inFlight;
    private volatile @Nullable Throwable failure;

    Pipeline(Path file, LayerSplit split, EngineOptions options, int blocks, int depth) {
        this.depth = depth;
        head = LlamaModel.open(file, _ -> split.ranges().getFirst(), PackingOptions.inMemory(1));
        for (int i = 1; i < split.shards(); i++) {
            int shard = i;
            ModelShard model = ModelShard.open(file, _ -> split.ranges().get(shard), PackingOptions.inMemory(1));
            models.add(model);
            stages.add(Stage.open(model, new Stage.Size(options.kvType(),
                    blocks * KvLayout.of(model.weights().config(), model.weights().range(), options.kvType())
                            .blockBytes(),
                    options.threads(), options.maxNumBatchedTokens(), options.logitRows())));
            saved.add(new ConcurrentHashMap<>());
        }
        engine = Engine.start(head, options.withKvBytes(blocks
                * KvLayout.of(head.weights().config(), head.weights().range(), options.kvType()).blockBytes()), this);
    }

    Engine engine() {
        return engine;
    }

    /** From now on what comes back comes twice, and once more under the number of an earlier one. */
    void repeat() {
        repeats = true;
    }

    /** Micro-batches that were under way at the same time, at most. */
    int largestInFlight() {
        return largestInFlight;
    }

    @Override
    public int depth() {
        return depth;
    }

    @Override
    public void send(MicroBatch batch) {
        synchronized (this) {
            inFlight++;
            largestInFlight = Math.max(largestInFlight, inFlight);
        }
        thread.execute(() -> pass(batch));
    }

    private void pass(MicroBatch batch) {
        try {
            StepOutput output = batch;
            for (int i = 0; i < stages.size(); i++) {
                ConcurrentHashMap<String, HeapKv> kv = saved.get(i);
                output = stages.get(i).compute((MicroBatch) output,
                        (name, positions) -> first(kv.get(name), positions));
            }
            synchronized (this) {
                inFlight--;
            }
            DrawnTokens drawn = (DrawnTokens) output;
            engine.land(drawn);
            if (repeats) {
                engine.land(drawn);
                engine.land(new DrawnTokens(drawn.number() - 1, drawn.parts(), 0));
            }
        } catch (Throwable e) {
            failure = e;
            engine.close(); // its turns end, so that nobody waits for them
        }
    }

    private static @Nullable SavedKv first(@Nullable HeapKv kv, int positions) {
        return kv == null || kv.positions() < positions ? kv : kv.first(positions);
    }

    /** Saves what is computed of a sequence, in every shard; gives the first shard's. */
    HeapKv save(Sequence sequence) throws Exception {
        List<Integer> blocks = new ArrayList<>();
        HeapKv own = HeapKv.read(sequence, engine.kvLayout());
        MemorySegment scratch = MemorySegment.ofArray(new byte[(int) engine.kvLayout().blockBytes()]);
        for (int i = 0; i < own.blocks().size(); i++) {
            blocks.add(sequence.readBlock(i, scratch).id());
        }
        thread.submit(() -> {
            for (int i = 0; i < stages.size(); i++) {
                Stage stage = stages.get(i);
                saved.get(i).put(sequence.name, new HeapKv(own.positions(), blocks.stream()
                        .map(id -> stage.block(id).toArray(ValueLayout.JAVA_BYTE)).toList()));
            }
        }).get();
        return own;
    }

    /** The sequence's entry in every stage goes, as when it leaves the engine. */
    void leave(Sequence sequence) throws Exception {
        thread.submit(() -> stages.forEach(stage -> stage.leave(sequence.name))).get();
    }

    /** A stage loses what was saved of a sequence. */
    void loseSaved(int stage, String name) {
        saved.get(stage - 1).remove(name);
    }

    @Override
    public void close() {
        engine.close();
        thread.close();
        stages.forEach(Stage::close);
        models.forEach(ModelShard::close);
        head.close();
        if (failure != null) {
            throw new AssertionError("a stage failed", failure);
        }
    }
}
