package io.millrace.runtime.packing;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory with packed matrices, read-only; closing it frees or unmaps it. */
record PackedData(MemorySegment bytes, Arena arena) implements AutoCloseable {
    /** Of every tile, so that vectors of 64 bytes do not cross cache lines. */
    static final int ALIGNMENT = 64;

    /**
     * Mapped and allocated memory are of different classes, and kernels that were compiled for one would be compiled again,
     * for both, when they meet the other. So it is handed out as plain memory at an address in either case.
     *
     * @param memory belongs to {@code arena}
     */
    @SuppressWarnings("restricted") // for the address, which is that of living memory of the same size
    static PackedData of(MemorySegment memory, Arena arena) {
        return new PackedData(
                MemorySegment.ofAddress(memory.address()).reinterpret(memory.byteSize(), arena, null).asReadOnly(),
                arena);
    }

    @Override
    public void close() {
        arena.close();
    }
}
