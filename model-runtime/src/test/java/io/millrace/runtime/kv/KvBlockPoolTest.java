package io.millrace.runtime.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KvBlockPoolTest {
    private static final KvLayout LAYOUT = new KvLayout(3, 2, 8, KvType.F16);

    @Test
    void aBlockHoldsKeysAndValuesOfAllLayers() {
        assertThat(LAYOUT.blockBytes()).isEqualTo(3 * 2 * 2 * 16 * 8 * 2);
        assertThat(LAYOUT.keyOffset(1, 1)).isEqualTo(2 * 2 * 256 + 256);
        assertThat(LAYOUT.valueOffset(1, 1)).isEqualTo(LAYOUT.keyOffset(1, 1) + 2 * 256);
    }

    @Test
    void handsOutAsManyBlocksAsTheBudgetAllows() {
        try (KvBlockPool pool = new KvBlockPool(LAYOUT, 3 * LAYOUT.blockBytes() + 1)) {
            assertThat(pool.capacity()).isEqualTo(3);
            assertThat(List.of(pool.allocate(), pool.allocate(), pool.allocate())).doesNotHaveDuplicates();
            assertThat(pool.free()).isZero();
            assertThat(pool.allocate()).isEqualTo(-1);
            pool.release(1);
            assertThat(pool.free()).isEqualTo(1);
            assertThat(pool.allocate()).isEqualTo(1);
        }
    }

    @Test
    void aBlockIsZeroWhenAllocatedAndOverlapsNoOther() {
        try (KvBlockPool pool = new KvBlockPool(LAYOUT, 4 * LAYOUT.blockBytes())) {
            int first = pool.allocate();
            int second = pool.allocate();
            pool.block(first).fill((byte) 7);
            assertThat(isZero(pool.block(second))).isTrue();
            pool.release(first);
            assertThat(isZero(pool.block(pool.allocate()))).isTrue();
        }
    }

    @Test
    void memoryComesInSlabs() {
        KvLayout large = new KvLayout(32, 8, 128, KvType.F16);
        try (KvBlockPool pool = new KvBlockPool(large, 1L << 40)) {
            Set<Integer> ids = new HashSet<>();
            for (int i = 0; i < 20; i++) { // 2 MiB each: more than one slab
                int id = pool.allocate();
                ids.add(id);
                assertThat(pool.block(id).byteSize()).isEqualTo(large.blockBytes());
            }
            assertThat(ids).hasSize(20);
            assertThat(pool.free()).isEqualTo(pool.capacity() - 20);
        }
    }

    @Test
    void refusesAReleaseTwiceAndABudgetBelowOneBlock() {
        try (KvBlockPool pool = new KvBlockPool(LAYOUT, LAYOUT.blockBytes())) {
            int id = pool.allocate();
            pool.release(id);
            assertThatIllegalStateException().isThrownBy(() -> pool.release(id)).withMessageContaining("not allocated");
        }
        assertThatIllegalArgumentException().isThrownBy(() -> new KvBlockPool(LAYOUT, LAYOUT.blockBytes() - 1))
                .withMessageContaining("less than one block");
    }

    @Test
    void aBlockCannotBeReadAfterClose() {
        KvBlockPool pool = new KvBlockPool(LAYOUT, LAYOUT.blockBytes());
        MemorySegment block = pool.block(pool.allocate());
        pool.close();
        assertThatIllegalStateException().isThrownBy(() -> block.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void aBlockTableGrows() {
        BlockTable table = new BlockTable();
        for (int i = 0; i < 100; i++) {
            table.append(1000 - i);
        }
        assertThat(table.size()).isEqualTo(100);
        assertThat(table.positions()).isEqualTo(1600);
        assertThat(table.get(99)).isEqualTo(901);
        table.clear();
        assertThat(table.size()).isZero();
    }

    private static boolean isZero(MemorySegment block) {
        return block.mismatch(MemorySegment.ofArray(new byte[Math.toIntExact(block.byteSize())])) == -1;
    }
}
