package io.millrace.runtime.engine;

import io.millrace.runtime.kv.SavedKv;
import io.millrace.runtime.kv.KvLayout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** A sequence's blocks, copied to the heap. */
record HeapKv(int positions, List<byte[]> blocks) implements SavedKv {

    /** Reads every block that the sequence has. */
    static HeapKv read(Sequence sequence, KvLayout layout) {
        List<byte[]> blocks = new ArrayList<>();
        int positions = 0;
        int read;
        do {
            byte[] block = new byte[(int) layout.blockBytes()];
            read = sequence.readBlock(blocks.size(), MemorySegment.ofArray(block)).positions();
            if (read > 0) {
                blocks.add(block);
                positions += read;
            }
        } while (read == KvLayout.BLOCK_POSITIONS);
        return new HeapKv(positions, blocks);
    }

    @Override
    public void copyBlock(int index, MemorySegment target) {
        MemorySegment.copy(MemorySegment.ofArray(blocks.get(index)), 0, target, 0, target.byteSize());
    }

    HeapKv first(int positions) {
        return new HeapKv(positions, blocks.subList(0, KvLayout.blocksFor(positions)));
    }
}
