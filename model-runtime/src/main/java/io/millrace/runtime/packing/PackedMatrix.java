package io.millrace.runtime.packing;

import io.millrace.runtime.weights.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * A quantized matrix of {@code rows} rows (outputs) and {@code cols} columns (inputs) in packed form.
 *
 * @param data all tiles; native memory that begins at a multiple of 64 and lives as long as its owner says
 */
public record PackedMatrix(String name, PackedLayout layout, int rows, int cols, MemorySegment data) {

    public PackedMatrix {
        if (data.byteSize() != layout.bytes(rows, cols)) {
            throw new IllegalArgumentException(name + ": " + data.byteSize() + " bytes for " + rows + " x " + cols
                    + " packed " + layout.type() + ", expected " + layout.bytes(rows, cols));
        }
        if ((data.address() & 63) != 0 || !data.isNative()) {
            throw new IllegalArgumentException(name + ": not native memory at a multiple of 64");
        }
    }

    /**
     * Packs a matrix in memory, on all processors.
     *
     * @param arena whose memory is used
     * @throws IllegalArgumentException as {@link Packing#pack}
     */
    public static PackedMatrix pack(Tensor source, Arena arena) {
        PackedLayout layout = PackedLayout.of(source.type());
        long tileBytes = layout.tileBytes(source.cols());
        MemorySegment data = arena.allocate(layout.bytes(source.rows(), source.cols()), 64);
        IntStream.range(0, PackedLayout.tiles(source.rows())).parallel().forEach(
                tile -> Packing.pack(source, tile, data.asSlice(tile * tileBytes, tileBytes)));
        return new PackedMatrix(source.name(), layout, source.rows(), source.cols(), data);
    }

    /** Tiles of {@link PackedLayout#TILE_ROWS} rows. */
    public int tiles() {
        return PackedLayout.tiles(rows);
    }

    /** Blocks of {@link PackedLayout#BLOCK} columns. */
    public int blocks() {
        return cols / PackedLayout.BLOCK;
    }
}
