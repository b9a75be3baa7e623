package io.millrace.operator.state;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.kv.SavedKv;
import io.millrace.runtime.kv.BlockCopy;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class KvStateTest {
    private static final KvLayout SMALL = new KvLayout(3, 2, 8, KvType.F16);
    /** 512 KiB per layer: two layers to a part, so three parts, the last of one layer. */
    private static final KvLayout LARGE = new KvLayout(5, 8, 1024, KvType.F16);

    private final HeapMapState<KvBlock> state = new HeapMapState<>();

    /** An arena with {@code computed} positions; byte i of block b is a function of b, i and the content. */
    private static KvState.BlockReader arena(KvLayout layout, int computed, int content) {
        return (block, target) -> {
            int positions = Math.clamp(computed - (long) block * BLOCK_POSITIONS, 0, BLOCK_POSITIONS);
            if (positions > 0) {
                fill(layout, block, content, target);
            }
            return positions == 0 ? BlockCopy.NONE : new BlockCopy(100 + block, positions);
        };
    }

    private static void fill(KvLayout layout, int block, int content, MemorySegment target) {
        for (long i = 0; i < layout.blockBytes(); i += 64) {
            target.set(ValueLayout.JAVA_BYTE, i, (byte) (block * 31 + content + i / 64));
        }
    }

    private KvState kv(KvLayout layout) {
        return new KvState(state, layout, "model-a");
    }

    private static byte[] block(SavedKv saved, KvLayout layout, int index) {
        byte[] bytes = new byte[(int) layout.blockBytes()];
        saved.copyBlock(index, MemorySegment.ofArray(bytes));
        return bytes;
    }

    private static byte[] expected(KvLayout layout, int index, int content) {
        byte[] bytes = new byte[(int) layout.blockBytes()];
        fill(layout, index, content, MemorySegment.ofArray(bytes));
        return bytes;
    }

    @Test
    void whatIsSavedIsLoaded() throws Exception {
        assertThat(kv(SMALL).save(arena(SMALL, 40, 1), 0, 40).positions()).isEqualTo(40);
        SavedKv saved = Objects.requireNonNull(kv(SMALL).load(40));
        assertThat(saved.positions()).isEqualTo(40);
        for (int block = 0; block < 3; block++) {
            assertThat(block(saved, SMALL, block)).isEqualTo(expected(SMALL, block, 1));
        }
    }

    @Test
    void tellsWhichBlocksOfTheArenaItHasWritten() throws Exception {
        assertThat(kv(SMALL).save(arena(SMALL, 40, 1), 0, 40).blocks()).containsExactly(100, 101, 102);
        assertThat(kv(SMALL).save(arena(SMALL, 50, 1), 40, 50).blocks()).containsExactly(102, 103);
        assertThat(kv(SMALL).save(arena(SMALL, 50, 1), 50, 50).blocks()).isEmpty();
    }

    @Test
    void aBlockOfALargeModelIsCutIntoPartsOfAtMostOneMebibyte() throws Exception {
        assertThat(kv(LARGE).save(arena(LARGE, 20, 7), 0, 20).positions()).isEqualTo(20);
        assertThat(state.map).hasSize(2 * 3);
        assertThat(state.map.values()).allMatch(part -> part.length() <= 1 << 20);
        SavedKv saved = Objects.requireNonNull(kv(LARGE).load(20));
        assertThat(block(saved, LARGE, 1)).isEqualTo(expected(LARGE, 1, 7));
    }

    @Test
    void aFullBlockIsWrittenOnceAndTheTailEachTime() throws Exception {
        int held = kv(SMALL).save(arena(SMALL, 40, 1), 0, 40).positions();
        assertThat(state.writes).isEqualTo(3);
        held = kv(SMALL).save(arena(SMALL, 45, 1), held, 45).positions();
        assertThat(held).isEqualTo(45);
        assertThat(state.writes).as("the tail again").isEqualTo(4);
        held = kv(SMALL).save(arena(SMALL, 45, 1), held, 45).positions();
        assertThat(state.writes).as("nothing new").isEqualTo(4);
        held = kv(SMALL).save(arena(SMALL, 50, 1), held, 50).positions();
        assertThat(held).isEqualTo(50);
        assertThat(state.writes).as("the tail, now full, and the next one").isEqualTo(6);
    }

    @Test
    void positionsOfTokensThatAreNotKnownYetAreNotSaved() throws Exception {
        assertThat(kv(SMALL).save(arena(SMALL, 40, 1), 0, 21).positions()).isEqualTo(21);
        assertThat(Objects.requireNonNull(kv(SMALL).load(21)).positions()).isEqualTo(21);
    }

    @Test
    void whatStateHoldsStaysWhenTheArenaHasLessOfIt() throws Exception {
        int held = kv(SMALL).save(arena(SMALL, 40, 1), 0, 40).positions();
        assertThat(kv(SMALL).save(arena(SMALL, 0, 2), held, 48).positions()).isEqualTo(40);
        assertThat(kv(SMALL).save(arena(SMALL, 35, 2), held, 48).positions()).isEqualTo(40);
        assertThat(block(Objects.requireNonNull(kv(SMALL).load(40)), SMALL, 2)).isEqualTo(expected(SMALL, 2, 1));
    }

    @Test
    void blocksOfAnotherModelAreForgotten() throws Exception {
        kv(SMALL).save(arena(SMALL, 40, 1), 0, 40);
        assertThat(new KvState(state, SMALL, "model-b").load(40)).isNull();
        assertThat(state.map).isEmpty();
    }

    @Test
    void blocksOfAnotherTypeOrGeometryAreForgotten() throws Exception {
        kv(SMALL).save(arena(SMALL, 40, 1), 0, 40);
        assertThat(kv(new KvLayout(3, 2, 8, KvType.F32)).load(40)).isNull();
        kv(SMALL).save(arena(SMALL, 40, 1), 0, 40);
        // The same number of bytes, arranged in another way.
        assertThat(kv(new KvLayout(3, 4, 4, KvType.F16)).load(40)).isNull();
    }

    @Test
    void positionsBeforeAMissingBlockAreLoaded() throws Exception {
        kv(SMALL).save(arena(SMALL, 40, 1), 0, 40);
        state.map.remove(1);
        assertThat(Objects.requireNonNull(kv(SMALL).load(40)).positions()).isEqualTo(16);
        state.map.remove(0);
        assertThat(kv(SMALL).load(40)).isNull();
    }

    @Test
    void aSessionWithoutSavedPositionsLoadsNothing() throws Exception {
        assertThat(kv(SMALL).load(0)).isNull();
    }
}
