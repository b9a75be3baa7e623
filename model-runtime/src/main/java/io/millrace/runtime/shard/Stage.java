package io.millrace.runtime.shard;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.kv.SavedKv;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.model.ModelShard;
import io.millrace.runtime.shard.MicroBatch.Part;
import io.millrace.runtime.weights.LlamaConfig;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A shard but the first: computes its layers of the micro-batches that it gets. Its arena has a block for each of the engine's,
 * under the same ids, so a block table means the same everywhere: what the engine frees, shares or writes again, the stage does
 * too, as long as it gets what the engine sends in the order in which it was sent.
 *
 * <p>A part that builds on positions that the stage does not have is left out of what goes on; the engine misses it and
 * computes the sequence anew. One thread at a time; whoever opened it closes it.
 */
public final class Stage implements AutoCloseable {
    private final LlamaConfig config;
    private final KvBlockPool pool;
    private final WorkerPool workers;
    private final Decoder decoder;
    private final Batch batch;
    private final @Nullable Draws draws;
    private final Map<String, BlockTable> tables = new HashMap<>();
    private volatile int blocksUsed;

    /** What was saved of a sequence outside the arena. */
    @FunctionalInterface
    public interface KvSource {
        /** The first {@code positions} positions of a sequence, or as many as there are; null for none. */
        @Nullable
        SavedKv saved(String sequence, int positions) throws Exception;
    }

    /**
     * How large a stage is.
     *
     * @param kvBytes of the arena, enough for as many blocks as the engine has
     * @param threads that compute, the caller's included
     * @param maxRows of the largest micro-batch
     * @param maxLogitRows of them that are drawn from
     */
    public record Size(KvType kvType, long kvBytes, int threads, int maxRows,
            int maxLogitRows) {}

    /**
     * Allocates the buffers and starts the threads.
     *
     * @param shard the stage does not own it: close it after the stage
     */
    public static Stage open(ModelShard shard, Size size) {
        return new Stage(shard, size);
    }

    private Stage(ModelShard shard, Size size) {
        config = shard.weights().config();
        pool = new KvBlockPool(KvLayout.of(config, shard.weights().range(), size.kvType()), size.kvBytes());
        workers = new WorkerPool(size.threads());
        try {
            decoder = new Decoder(shard.weights(), shard.packed(), KernelProvider.kernels(), workers, pool,
                    size.maxRows(), size.maxLogitRows());
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        batch = new Batch(size.maxRows(), size.maxLogitRows());
        draws = shard.weights().range().classifies(config)
                ? new Draws(decoder, workers, config.vocabSize(), size.maxLogitRows())
                : null;
    }

    /** How a block is laid out. */
    public KvLayout kvLayout() {
        return pool.layout();
    }

    /** Blocks of the arena. */
    public int blocks() {
        return pool.capacity();
    }

    /** Blocks that hold positions, as of the last micro-batch. Any thread. */
    public int blocksUsed() {
        return blocksUsed;
    }

    /** The memory of a block that a micro-batch has named; valid until the stage is closed. */
    public MemorySegment block(int id) {
        return pool.block(id);
    }

    /** Computes a micro-batch, of which it takes possession. */
    public StepOutput compute(MicroBatch step, KvSource saved) throws Exception {
        long started = System.nanoTime();
        blocksUsed = step.blocksUsed();
        batch.clear();
        if (draws != null) {
            draws.clear();
        }
        List<Part> parts = new ArrayList<>(step.parts().size());
        float[] hidden = step.hidden();
        int from = 0;
        for (Part part : step.parts()) {
            BlockTable blocks = update(part);
            if (blocks != null && restore(part, blocks, saved)) {
                int to = batch.rows();
                if (from != to) {
                    System.arraycopy(hidden, from * config.hidden(), hidden, to * config.hidden(),
                            part.rows() * config.hidden());
                }
                add(part, blocks);
                parts.add(part);
            }
            from += part.rows();
        }
        if (!parts.isEmpty()) {
            decoder.forward(batch, hidden);
        }
        if (draws != null) {
            draws.run();
            return DrawnTokens.of(step, parts, draws, System.nanoTime() - started);
        }
        float[] next = new float[batch.rows() * config.hidden()];
        if (!parts.isEmpty()) {
            decoder.hidden(next);
        }
        return new MicroBatch(step.number(), parts, next, step.blocksUsed(),
                step.computeNanos() + System.nanoTime() - started);
    }

    /** Brings the part's block table up to date; null when it goes on from one that is not here any more. */
    private @Nullable BlockTable update(Part part) {
        BlockTable blocks = tables.get(part.sequence());
        if (part.blocksFrom() > (blocks == null ? 0 : blocks.size())) {
            return null;
        }
        if (blocks == null) {
            blocks = new BlockTable();
            tables.put(part.sequence(), blocks);
        }
        while (blocks.size() > part.blocksFrom()) {
            blocks.removeLast();
        }
        int filled = part.restoreTo() > part.restoreFrom() ? part.restoreFrom() : part.position();
        for (int block : part.blocks()) {
            boolean fresh = blocks.positions() >= filled;
            pool.mirror(block, fresh);
            blocks.append(block);
        }
        return blocks;
    }

    private boolean restore(Part part, BlockTable blocks, KvSource saved) throws Exception {
        if (part.restoreTo() <= part.restoreFrom()) {
            return true;
        }
        SavedKv kv = saved.saved(part.sequence(), part.restoreTo());
        if (kv == null || kv.positions() < part.restoreTo()) {
            return false;
        }
        for (int i = part.restoreFrom() / BLOCK_POSITIONS; i < KvLayout.blocksFor(part.restoreTo()); i++) {
            kv.copyBlock(i, pool.block(blocks.get(i)));
        }
        return true;
    }

    private void add(Part part, BlockTable blocks) {
        for (int i = 0; i < part.rows(); i++) {
            // Only the first shard has use for the token.
            batch.add(0, part.position() + i, blocks, draws != null && i >= part.rows() - part.drawnRows());
        }
        if (draws != null && part.rowDrawing() != null) {
            draws.add(part.rowDrawing());
        }
    }

    /** The sequence has left the engine: nothing that comes builds on its blocks. */
    public void leave(String sequence) {
        tables.remove(sequence);
    }

    /** Ends the threads and frees the arena. */
    @Override
    public void close() {
        workers.close();
        pool.close();
    }
}
