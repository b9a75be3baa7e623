package io.millrace.runtime.kv;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.millrace.runtime.kv.PrefixCache.BlockHash;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PrefixCacheTest {
    private static final KvLayout LAYOUT = new KvLayout(1, 1, 2, KvType.F32);
    private static final BlockHash SAME_FOR_ALL = (parent, tokens, from) -> 7;

    private KvBlockPool pool = pool(8);
    private PrefixCache cache = new PrefixCache(pool, BlockHash.seeded());

    @AfterEach
    void close() {
        pool.close();
    }

    @Test
    void aBlockIsFoundByItsTokensAndAllBeforeThem() {
        int[] tokens = IntStream.range(0, 48).toArray();
        List<Integer> blocks = add("", tokens);
        assertThat(find("", tokens)).isEqualTo(blocks);
        assertThat(cache.size()).isEqualTo(3);

        int[] other = tokens.clone();
        other[47]++;
        assertThat(find("", other)).isEqualTo(blocks.subList(0, 2));
        other[0]++;
        assertThat(find("", other)).isEmpty();
        // The same 16 tokens after another beginning are another block.
        assertThat(find("", Arrays.copyOfRange(tokens, 16, 48))).isEmpty();
    }

    @Test
    void hashesThatCollideDoNotMixBlocksUp() {
        cache = new PrefixCache(pool, SAME_FOR_ALL);
        int[] tokens = IntStream.range(0, 32).toArray();
        int[] reversed = IntStream.range(0, 32).map(i -> 31 - i).toArray();
        List<Integer> blocks = add("", tokens);
        List<Integer> others = add("", reversed);
        List<Integer> salted = add("salt", tokens);
        assertThat(find("", tokens)).isEqualTo(blocks);
        assertThat(find("", reversed)).isEqualTo(others);
        assertThat(find("salt", tokens)).isEqualTo(salted);
        assertThat(find("", IntStream.range(16, 48).toArray())).isEmpty();
        cache.remove(others.get(0));
        assertThat(find("", reversed)).isEmpty();
        assertThat(find("", tokens)).isEqualTo(blocks);
    }

    @Test
    void saltsKeepBlocksApart() {
        int[] tokens = IntStream.range(0, 16).toArray();
        List<Integer> mine = add("mine", tokens);
        assertThat(find("", tokens)).isEmpty();
        assertThat(find("theirs", tokens)).isEmpty();
        assertThat(find("mine", tokens)).isEqualTo(mine);
    }

    @Test
    void aBlockIsFoundAfterItsLastReferenceUntilItsMemoryIsNeeded() {
        int[] first = IntStream.range(0, 32).toArray();
        int[] second = IntStream.range(100, 132).toArray();
        int[] third = IntStream.range(200, 232).toArray();
        List<Integer> a = add("", first);
        List<Integer> b = add("", second);
        List<Integer> c = add("", third);
        release(a);
        release(b);
        release(c);
        assertThat(pool.free()).isEqualTo(8);
        // Used again: it is released last now.
        find("", first).forEach(pool::retain);
        release(a);

        // Two blocks were never used; then goes what was released longest ago, the end of a sequence before its beginning.
        allocate(2);
        assertThat(find("", second)).isEqualTo(b);
        allocate(1);
        assertThat(find("", second)).isEqualTo(b.subList(0, 1));
        allocate(1);
        assertThat(find("", second)).isEmpty();
        assertThat(find("", third)).isEqualTo(c);
        allocate(3);
        assertThat(find("", third)).isEmpty();
        assertThat(find("", first)).isEqualTo(a.subList(0, 1));
        assertThat(cache.size()).isOne();
        allocate(1);
        assertThat(cache.size()).isZero();
        assertThat(pool.allocate()).isEqualTo(-1);
    }

    @Test
    void aBlockThatSomebodyReferencesIsNotTaken() {
        int[] tokens = IntStream.range(0, 16).toArray();
        int block = add("", tokens).getFirst();
        pool.retain(block);
        pool.release(block);
        assertThat(pool.references(block)).isOne();
        allocate(7);
        assertThat(pool.allocate()).isEqualTo(-1);
        assertThat(find("", tokens)).containsExactly(block);
        pool.release(block);
        assertThat(pool.allocate()).isEqualTo(block);
        assertThat(find("", tokens)).isEmpty();
    }

    @Test
    void releasedBlocksWithoutAnEntryAreTakenBeforeThoseWithOne() {
        int[] tokens = IntStream.range(0, 16).toArray();
        release(add("", tokens));
        List<Integer> others = allocate(7);
        release(others);
        assertThat(allocate(7)).containsExactlyInAnyOrderElementsOf(others);
        assertThat(find("", tokens)).hasSize(1);
    }

    @Test
    void aBlockThatWasRemovedIsFreeAndMayHoldSomethingElse() {
        int[] tokens = IntStream.range(0, 32).toArray();
        List<Integer> blocks = add("", tokens);
        release(blocks);
        cache.remove(blocks.get(0));
        assertThat(pool.free()).isEqualTo(8);
        assertThatIllegalStateException().isThrownBy(() -> pool.retain(blocks.get(0)))
                .withMessageContaining("not allocated");
        // What came after it cannot be found: another block with its tokens would be another beginning.
        assertThat(find("", tokens)).isEmpty();
        List<Integer> again = add("", Arrays.copyOf(tokens, 16));
        assertThat(find("", tokens)).isEqualTo(again);
    }

    @Test
    void aBlockHasOneEntryAndNeedsThatOfTheBlockBefore() {
        int[] tokens = IntStream.range(0, 32).toArray();
        int first = add("", Arrays.copyOf(tokens, 16)).getFirst();
        assertThat(cache.add(first, 1, "", PrefixCache.NONE, tokens, 16)).isFalse();
        int second = pool.allocate();
        int unknown = pool.allocate();
        assertThat(cache.add(second, 1, "", unknown, tokens, 16)).isFalse();
        assertThat(cache.find(1, "", unknown, tokens, 16)).isEqualTo(PrefixCache.NONE);
        assertThat(cache.add(second, 1, "", first, tokens, 16)).isTrue();
    }

    @Test
    void manyBlocksComeAndGo() {
        pool.close();
        pool = pool(100);
        cache = new PrefixCache(pool, BlockHash.seeded());
        Random random = new Random(1);
        for (int round = 0; round < 500; round++) {
            int[] tokens = random.ints(16L * (1 + random.nextInt(10)), 0, 2).toArray();
            List<Integer> found = find("", tokens);
            found.forEach(pool::retain);
            List<Integer> blocks = new ArrayList<>(found);
            addFrom("", tokens, blocks);
            assertThat(find("", tokens)).isEqualTo(blocks);
            release(blocks);
            assertThat(pool.free()).isEqualTo(100);
        }
        assertThat(cache.size()).isEqualTo(100);
    }

    private static KvBlockPool pool(int blocks) {
        return new KvBlockPool(LAYOUT, blocks * LAYOUT.blockBytes());
    }

    private List<Integer> allocate(int count) {
        return IntStream.range(0, count).mapToObj(i -> pool.allocate()).toList();
    }

    /** From the last to the first, as sequences do. */
    private void release(List<Integer> blocks) {
        blocks.reversed().forEach(pool::release);
    }

    private List<Integer> add(String salt, int[] tokens) {
        List<Integer> blocks = new ArrayList<>();
        addFrom(salt, tokens, blocks);
        return blocks;
    }

    private void addFrom(String salt, int[] tokens, List<Integer> blocks) {
        long[] hashes = hashes(salt, tokens);
        for (int i = blocks.size(); i < hashes.length; i++) {
            int parent = i == 0 ? PrefixCache.NONE : blocks.get(i - 1);
            int block = pool.allocate();
            assertThat(cache.add(block, hashes[i], salt, parent, tokens, i * BLOCK_POSITIONS)).isTrue();
            blocks.add(block);
        }
    }

    private List<Integer> find(String salt, int[] tokens) {
        List<Integer> found = new ArrayList<>();
        int parent = PrefixCache.NONE;
        long[] hashes = hashes(salt, tokens);
        for (int i = 0; i < hashes.length; i++) {
            parent = cache.find(hashes[i], salt, parent, tokens, i * BLOCK_POSITIONS);
            if (parent == PrefixCache.NONE) {
                break;
            }
            found.add(parent);
        }
        return found;
    }

    private long[] hashes(String salt, int[] tokens) {
        long[] hashes = new long[tokens.length / BLOCK_POSITIONS];
        for (int i = 0; i < hashes.length; i++) {
            hashes[i] = cache.hash(i == 0 ? salt.hashCode() : hashes[i - 1], tokens, i * BLOCK_POSITIONS);
        }
        return hashes;
    }
}
