package io.millrace.runtime.kv;

import static io.millrace.runtime.kv.KvLayout.BLOCK_POSITIONS;

import java.security.SecureRandom;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Finds full blocks by what they hold: keys and values depend on a sequence's tokens up to their position, so sequences that
 * begin alike can share the blocks of that beginning. A block's entry names its 16 tokens, the entry before it and a salt;
 * a hash over the chain (after vLLM's automatic prefix caching) leads to it, and all three are compared, so what is found is
 * right whatever the hash. Entries of different salts are never mixed up.
 *
 * <p>An entry lives while its block is referenced, and after that until the {@link KvBlockPool} needs the memory. Blocks with
 * an entry are never written. One thread, the engine's.
 */
public final class PrefixCache {
    /** In the place of a block id: there is none. */
    public static final int NONE = -1;

    private final KvBlockPool pool;
    private final BlockHash hash;
    /** By block id; made when a block first gets an entry, and used again. */
    private @Nullable Entry[] entries = new Entry[16];
    /** Heads of the lists of entries of one bucket; a power of two. */
    private @Nullable Entry[] buckets = new Entry[16];
    private int size;
    private long added;

    /** Says under which number the blocks of a chain are looked up. */
    @FunctionalInterface
    public interface BlockHash {
        /**
         * The hash of a chain with one more block.
         *
         * @param parent hash of the block before, or of the salt
         * @param tokens holds the block's 16 ids at {@code from}
         */
        long of(long parent, int[] tokens, int from);

        /** A hash that differs from process to process, so that nobody can prepare prompts that collide. */
        static BlockHash seeded() {
            long seed = new SecureRandom().nextLong();
            return (parent, tokens, from) -> {
                long h = parent ^ seed;
                for (int i = from; i < from + BLOCK_POSITIONS; i++) {
                    h = (h ^ tokens[i]) * 0x9E3779B97F4A7C15L;
                    h ^= h >>> 32;
                }
                return h;
            };
        }
    }

    private static final class Entry {
        final int block;
        final int[] tokens = new int[BLOCK_POSITIONS];
        String salt = "";
        long hash;
        /** Of this content; no other ever has it. 0 while the block has no entry. */
        long id;
        /** The id of the entry before, 0 for the first block of a sequence. */
        long parent;
        @Nullable
        Entry next;

        Entry(int block) {
            this.block = block;
        }
    }

    /** A cache of blocks of {@code pool}, which has no other. */
    public PrefixCache(KvBlockPool pool, BlockHash hash) {
        this.pool = pool;
        this.hash = hash;
        pool.onReuse(this::forget);
    }

    /** The hash of the chain with one more block; the first one's {@code parent} is the hash of its salt. */
    public long hash(long parent, int[] tokens, int from) {
        return hash.of(parent, tokens, from);
    }

    /** Blocks that have an entry. */
    public int size() {
        return size;
    }

    /** Whether a block has an entry. */
    public boolean contains(int block) {
        return block < entries.length && entries[block] != null && entries[block].id != 0;
    }

    /**
     * Finds the block that holds 16 tokens after a given beginning. It is not retained.
     *
     * @param hash of the chain up to and with the block
     * @param parent the block before it, or {@link #NONE}
     * @param from where in {@code tokens} the block begins
     * @return its id, or {@link #NONE}
     */
    public int find(long hash, String salt, int parent, int[] tokens, int from) {
        if (parent != NONE && !contains(parent)) {
            return NONE;
        }
        long parentId = id(parent);
        for (Entry entry = buckets[bucket(hash)]; entry != null; entry = entry.next) {
            if (entry.hash == hash && entry.parent == parentId && entry.salt.equals(salt)
                    && Arrays.equals(entry.tokens, 0, BLOCK_POSITIONS, tokens, from, from + BLOCK_POSITIONS)) {
                return entry.block;
            }
        }
        return NONE;
    }

    /**
     * Adds a referenced block that {@link #find} does not find. It must not be written from now on.
     *
     * @return false when it cannot be added: it has an entry of other content, or the block before it has none any more
     */
    public boolean add(int block, long hash, String salt, int parent, int[] tokens, int from) {
        if (contains(block) || (parent != NONE && !contains(parent))) {
            return false;
        }
        if (++size > buckets.length) {
            rehash();
        }
        Entry entry = entry(block);
        entry.hash = hash;
        entry.salt = salt;
        entry.parent = id(parent);
        entry.id = ++added;
        System.arraycopy(tokens, from, entry.tokens, 0, BLOCK_POSITIONS);
        link(entry);
        pool.keep(block);
        return true;
    }

    /** Removes a block's entry, if it has one. What comes after it in its chains is not found any more. */
    public void remove(int block) {
        if (contains(block)) {
            forget(block);
            pool.discard(block);
        }
    }

    private void forget(int block) {
        Entry entry = entry(block);
        int bucket = bucket(entry.hash);
        Entry before = buckets[bucket];
        if (before == entry) {
            buckets[bucket] = entry.next;
        } else {
            while (before != null && before.next != entry) {
                before = before.next;
            }
            if (before != null) {
                before.next = entry.next;
            }
        }
        entry.next = null;
        entry.id = 0;
        entry.salt = "";
        size--;
    }

    private Entry entry(int block) {
        if (block >= entries.length) {
            entries = Arrays.copyOf(entries, Math.max(block + 1, 2 * entries.length));
        }
        Entry entry = entries[block];
        if (entry == null) {
            entry = new Entry(block);
            entries[block] = entry;
        }
        return entry;
    }

    private long id(int parent) {
        return parent == NONE ? 0 : entry(parent).id;
    }

    private void link(Entry entry) {
        int bucket = bucket(entry.hash);
        entry.next = buckets[bucket];
        buckets[bucket] = entry;
    }

    private void rehash() {
        buckets = new Entry[2 * buckets.length];
        for (Entry entry : entries) {
            if (entry != null && entry.id != 0) {
                link(entry);
            }
        }
    }

    private int bucket(long hash) {
        return (int) (hash ^ hash >>> 32) & (buckets.length - 1);
    }
}
