package io.millrace.runtime.engine;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.PrefixCache;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A sequence's full blocks from its first on, as the prefix cache knows them. Engine thread only; the methods that change the
 * block table are called with its owner's lock held.
 */
final class PrefixChain {
    private final @Nullable PrefixCache cache;
    private final KvBlockPool pool;
    private final BlockTable blocks;
    private String salt = "";
    /** Of the blocks of the tokens, as far as they were asked for. */
    private long[] hashes = new long[8];
    private int hashed;
    /** So many blocks of the table are the cache's own for the tokens. */
    private int shared;
    private int found;
    private int foundInUse;

    /** @param cache null to share nothing */
    PrefixChain(@Nullable PrefixCache cache, KvBlockPool pool, BlockTable blocks) {
        this.cache = cache;
        this.pool = pool;
        this.blocks = blocks;
    }

    /** Whether blocks are shared with {@code other}, as far as tokens are the same. */
    boolean sharesWith(PrefixChain other) {
        return cache != null && salt.equals(other.salt);
    }

    /** A turn begins. Under another salt the blocks stay the sequence's, but nothing is added to their old chain. */
    void salt(String next) {
        if (!next.equals(salt)) {
            salt = next;
            hashed = 0;
            shared = 0;
        }
    }

    /** Only the first {@code fullBlocks} blocks are as they were. */
    void truncate(int fullBlocks) {
        hashed = Math.min(hashed, fullBlocks);
        shared = Math.min(shared, fullBlocks);
    }

    /** Looks how many of the blocks that lie wholly below {@code positions} are in the cache. */
    void look(int[] tokens, int positions) {
        found = shared;
        foundInUse = 0;
        if (cache == null) {
            return;
        }
        int parent = last();
        while ((found + 1) * BLOCK_POSITIONS <= positions) {
            parent = find(found, parent, tokens);
            if (parent == PrefixCache.NONE) {
                return;
            }
            found++;
            if (pool.references(parent) > 0) {
                foundInUse++;
            }
        }
    }

    /** Positions that the last look found, those of the table's own blocks included. */
    int foundPositions() {
        return found * BLOCK_POSITIONS;
    }

    /** Free blocks that taking what the last look found costs; negative when it gives more of the table's own back. */
    int cost() {
        int cost = found - shared - foundInUse;
        for (int i = shared; i < blocks.size(); i++) {
            cost -= pool.references(blocks.get(i)) == 1 ? 1 : 0;
        }
        return cost;
    }

    /** Puts what the last look found in the table, in the place of what it has there. */
    void take(int[] tokens) {
        while (blocks.size() > shared) {
            pool.release(blocks.removeLast());
        }
        while (shared < found) {
            int block = find(shared, last(), tokens);
            pool.retain(block);
            blocks.append(block);
            shared++;
        }
    }

    /** Adds full blocks to the cache; one that holds what another one there holds gives way to it. */
    void publish(int[] tokens, int computed) {
        if (cache == null) {
            return;
        }
        while ((shared + 1) * BLOCK_POSITIONS <= computed) {
            int own = blocks.get(shared);
            int parent = last();
            int block = find(shared, parent, tokens);
            if (block == PrefixCache.NONE) {
                if (!cache.add(own, hash(shared, tokens), salt, parent, tokens, shared * BLOCK_POSITIONS)) {
                    return;
                }
            } else if (block != own) {
                pool.retain(block);
                blocks.replace(shared, block);
                pool.release(own);
            }
            shared++;
        }
    }

    /** Takes a block out of the cache. */
    void withdraw(int block) {
        if (cache != null) {
            cache.remove(block);
        }
    }

    private int last() {
        return shared == 0 ? PrefixCache.NONE : blocks.get(shared - 1);
    }

    private int find(int index, int parent, int[] tokens) {
        return cache == null
                ? PrefixCache.NONE
                : cache.find(hash(index, tokens), salt, parent, tokens, index * BLOCK_POSITIONS);
    }

    private long hash(int index, int[] tokens) {
        if (index >= hashes.length) {
            hashes = Arrays.copyOf(hashes, Math.max(index + 1, 2 * hashes.length));
        }
        for (; cache != null && hashed <= index; hashed++) {
            long parent = hashed == 0 ? salt.hashCode() : hashes[hashed - 1];
            hashes[hashed] = cache.hash(parent, tokens, hashed * BLOCK_POSITIONS);
        }
        return hashes[index];
    }
}
