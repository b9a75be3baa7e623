package io.millrace.runtime.packing;

import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Where each packed matrix of a model lies in one run of bytes: matrix after matrix in the order of the computation, without
 * holes. It is a function of the model's tensor table alone.
 *
 * @param chunks the units that are packed, written and checked: they cover all bytes, ascending
 */
record PackingPlan(List<Entry> entries, List<Chunk> chunks, long bytes) {
    /** Small enough to share out among threads and to hold a few in memory, large enough that the rest does not count. */
    private static final long CHUNK_BYTES = 4L << 20;

    /** One matrix, by its tensor in file layout. */
    record Entry(Tensor tensor, PackedLayout layout, long offset) {
        long tileBytes() {
            return layout.tileBytes(tensor.cols());
        }

        int tiles() {
            return PackedLayout.tiles(tensor.rows());
        }

        long bytes() {
            return layout.bytes(tensor.rows(), tensor.cols());
        }
    }

    /** Consecutive tiles of one matrix. */
    record Chunk(Entry entry, int firstTile, int tiles) {
        long offset() {
            return entry.offset() + firstTile * entry.tileBytes();
        }

        long bytes() {
            return tiles * entry.tileBytes();
        }
    }

    static PackingPlan of(LlamaWeights weights) {
        List<Entry> entries = new ArrayList<>();
        List<Chunk> chunks = new ArrayList<>();
        long bytes = 0;
        for (Tensor tensor : weights.matrices()) {
            if (PackedLayout.packs(tensor.type())) {
                Entry entry = new Entry(tensor, PackedLayout.of(tensor.type()), bytes);
                entries.add(entry);
                addChunks(entry, chunks);
                bytes += entry.bytes();
            }
        }
        return new PackingPlan(List.copyOf(entries), List.copyOf(chunks), bytes);
    }

    private static void addChunks(Entry entry, List<Chunk> chunks) {
        int tilesPerChunk = (int) Math.max(1, CHUNK_BYTES / entry.tileBytes());
        for (int first = 0; first < entry.tiles(); first += tilesPerChunk) {
            chunks.add(new Chunk(entry, first, Math.min(tilesPerChunk, entry.tiles() - first)));
        }
    }

    long largestChunk() {
        return chunks.stream().mapToLong(Chunk::bytes).max().orElse(0);
    }
}
