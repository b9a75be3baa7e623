package io.millrace.operator.state;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kv.BlockCopy;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.SavedKv;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.flink.api.common.state.MapState;
import org.jspecify.annotations.Nullable;

/**
 * The KV blocks of the current key: the arena is a cache of them that is written back. Positions below a sequence's length
 * never change, so a full block is written once and only the last, partly filled one again.
 */
public final class KvState {
    private final MapState<Integer, KvBlock> blocks;
    private final KvPartition partition;
    /** One block, for models whose blocks are cut into parts. */
    private final byte[] scratch;

    /**
     * @param blocks keyed by {@link KvPartition#key}
     * @param layout of the engine's arena
     * @param modelFingerprint of the engine's model
     */
    public KvState(MapState<Integer, KvBlock> blocks, KvLayout layout, String modelFingerprint) {
        this.blocks = blocks;
        this.partition = KvPartition.of(layout, modelFingerprint);
        this.scratch = new byte[partition.parts() == 1 ? 0 : Math.toIntExact(layout.blockBytes())];
    }

    /** Model, type and layout of the blocks: those of another tag are not used. */
    public String tag() {
        return partition.tag();
    }

    /** The arena's side of a block, which is {@link io.millrace.runtime.engine.Sequence#readBlock}. */
    @FunctionalInterface
    public interface BlockReader {
        /** Copies block {@code index} to {@code target}; returns which it is and how many of its positions are computed. */
        BlockCopy readBlock(int index, MemorySegment target);
    }

    /**
     * What {@link #save} has written.
     *
     * @param positions that state holds now
     * @param blocks ids in the arena of the blocks that were written, from that of the first position that state did not hold
     */
    public record Saved(int positions, int[] blocks) {}

    /**
     * Writes what state does not hold yet.
     *
     * @param saved positions that state holds already
     * @param limit positions at and after this one are not written
     * @return what state holds now
     */
    public Saved save(BlockReader arena, int saved, int limit) throws Exception {
        int held = saved;
        List<Integer> ids = new ArrayList<>();
        for (int block = saved / BLOCK_POSITIONS; block < KvLayout.blocksFor(limit); block++) {
            int first = block * BLOCK_POSITIONS;
            byte[] bytes = partition.parts() == 1 ? new byte[partition.length(0)] : scratch;
            BlockCopy copy = arena.readBlock(block, MemorySegment.ofArray(bytes));
            int positions = Math.min(copy.positions(), limit - first);
            if (first + positions <= held) {
                break;
            }
            put(block, positions, bytes);
            ids.add(copy.id());
            held = first + positions;
            if (positions < BLOCK_POSITIONS) {
                break;
            }
        }
        return new Saved(held, ids.stream().mapToInt(Integer::intValue).toArray());
    }

    private void put(int block, int positions, byte[] bytes) throws Exception {
        for (int part = 0; part < partition.parts(); part++) {
            byte[] own = bytes == scratch
                    ? Arrays.copyOfRange(bytes, partition.offset(part),
                            partition.offset(part) + partition.length(part))
                    : bytes;
            blocks.put(partition.key(block, part), new KvBlock(partition.tag(), positions, own));
        }
    }

    /**
     * Reads the first {@code saved} positions, or as many of them as state holds whole and this model and layout can use.
     * When it can use none, for instance after a change of the model, they are forgotten.
     *
     * @return null when there is none
     */
    public @Nullable SavedKv load(int saved) throws Exception {
        List<KvBlock> parts = new ArrayList<>();
        int positions = 0;
        for (int block = 0; block < KvLayout.blocksFor(saved); block++) {
            int computed = read(block, parts);
            positions = Math.min(positions + computed, saved);
            if (computed < BLOCK_POSITIONS) {
                break;
            }
        }
        if (positions == 0) {
            if (saved > 0) {
                blocks.clear();
            }
            return null;
        }
        return new HeapKv(parts, positions, partition);
    }

    /** Adds a block's parts; returns how many of its positions are computed, 0 when a part cannot be used. */
    private int read(int block, List<KvBlock> parts) throws Exception {
        int computed = BLOCK_POSITIONS;
        for (int part = 0; part < partition.parts(); part++) {
            // One by one: a map iterator of RocksDB would read ahead far more than one of these large values.
            KvBlock found = blocks.get(partition.key(block, part));
            if (found == null || !found.tag().equals(partition.tag()) || found.length() != partition.length(part)) {
                return 0;
            }
            parts.add(found);
            computed = Math.min(computed, found.positions());
        }
        return computed;
    }

    /** Forgets the current key's blocks. */
    public void clear() {
        blocks.clear();
    }

    /** Blocks read from state, on heap until the engine has copied them to its arena. */
    private record HeapKv(List<KvBlock> parts, int positions, KvPartition partition) implements SavedKv {
        @Override
        public void copyBlock(int index, MemorySegment target) {
            for (int part = 0; part < partition.parts(); part++) {
                parts.get(index * partition.parts() + part).copyTo(target, partition.offset(part));
            }
        }
    }
}
