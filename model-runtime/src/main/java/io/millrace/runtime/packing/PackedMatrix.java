package io.millrace.runtime.packing;

import java.lang.foreign.MemorySegment;

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

    /** Tiles of {@link PackedLayout#TILE_ROWS} rows. */
    public int tiles() {
        return PackedLayout.tiles(rows);
    }

    /** Blocks of {@link PackedLayout#BLOCK} columns. */
    public int blocks() {
        return cols / PackedLayout.BLOCK;
    }
}
