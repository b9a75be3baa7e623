package io.millrace.runtime.kv;

import java.util.Arrays;

/** Block ids in the order in which they were added: a doubly linked ring in two arrays, so that any of them can be taken out. */
final class LruBlocks {
    /** The ring's first entry stands for its beginning and end; block {@code id} is entry {@code id + 1}. */
    private final int[] next;
    private final int[] previous;
    private int size;

    /** @param capacity ids are below */
    LruBlocks(int capacity) {
        next = new int[capacity + 1];
        previous = new int[capacity + 1];
        Arrays.fill(next, -1);
        next[0] = 0;
    }

    int size() {
        return size;
    }

    boolean contains(int id) {
        return next[id + 1] >= 0;
    }

    /** Adds a block that is not in the ring, as its newest. */
    void add(int id) {
        int entry = id + 1;
        int newest = previous[0];
        previous[entry] = newest;
        next[entry] = 0;
        next[newest] = entry;
        previous[0] = entry;
        size++;
    }

    /** Takes a block out that is in the ring. */
    void remove(int id) {
        int entry = id + 1;
        next[previous[entry]] = next[entry];
        previous[next[entry]] = previous[entry];
        next[entry] = -1;
        size--;
    }

    /** Takes the oldest block out of a ring that is not empty. */
    int removeOldest() {
        int oldest = next[0] - 1;
        remove(oldest);
        return oldest;
    }
}
