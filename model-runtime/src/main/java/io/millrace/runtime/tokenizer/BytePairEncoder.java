package io.millrace.runtime.tokenizer;

import java.util.Arrays;

/**
 * Turns the pieces of one text into ids: a piece that stands whole in the vocabulary is that token, any other is merged
 * from its bytes, lowest rank first and leftmost first among equals. The tokens of a piece are a linked list, the possible
 * merges a heap, so that a piece of n bytes costs O(n log n). One use per text, one thread.
 */
final class BytePairEncoder {
    private static final int END = -1;

    private final Vocabulary vocabulary;
    private int[] ids;
    private int count;

    // The piece being merged: a node per byte, a merge keeps the left node and drops the right one.
    private int[] token = {};
    private int[] previous = {};
    private int[] next = {};
    /** Rank of the merge of a node with its right neighbour, -1 when there is none or the node was dropped. */
    private int[] rank = {};
    /** A binary min-heap of {@code rank << 32 | node}; an entry is stale when the node's rank has changed since. */
    private long[] heap = {};
    private int heapSize;

    BytePairEncoder(Vocabulary vocabulary, int expectedTokens) {
        this.vocabulary = vocabulary;
        ids = new int[expectedTokens];
    }

    /** The ids of all pieces so far. */
    int[] ids() {
        return Arrays.copyOf(ids, count);
    }

    void encode(byte[] bytes, int from, int to) {
        int whole = vocabulary.find(bytes, from, to);
        if (whole >= 0) {
            append(whole);
        } else {
            merge(bytes, from, to);
        }
    }

    void append(int id) {
        if (count == ids.length) {
            ids = Arrays.copyOf(ids, Math.max(16, count * 2));
        }
        ids[count++] = id;
    }

    private void merge(byte[] bytes, int from, int to) {
        int length = to - from;
        if (token.length < length) {
            int capacity = Math.max(64, length);
            token = new int[capacity];
            previous = new int[capacity];
            next = new int[capacity];
            rank = new int[capacity];
        }
        heapSize = 0;
        for (int node = 0; node < length; node++) {
            token[node] = vocabulary.idOfByte(bytes[from + node]);
            previous[node] = node - 1;
            next[node] = node + 1 < length ? node + 1 : END;
        }
        for (int node = 0; node < length; node++) {
            offer(node);
        }
        while (heapSize > 0) {
            long candidate = poll();
            int node = (int) candidate;
            if (rank[node] == (int) (candidate >>> 32)) {
                join(node);
            }
        }
        for (int node = 0; node != END; node = next[node]) {
            append(token[node]);
        }
    }

    private void join(int node) {
        int dropped = next[node];
        token[node] = Vocabulary.result(vocabulary.merge(token[node], token[dropped]));
        rank[dropped] = -1;
        next[node] = next[dropped];
        if (next[node] != END) {
            previous[next[node]] = node;
        }
        offer(node);
        if (previous[node] != END) {
            offer(previous[node]);
        }
    }

    /** Notes the merge of a node with its right neighbour. */
    private void offer(int node) {
        int right = next[node];
        long merge = right == END ? -1 : vocabulary.merge(token[node], token[right]);
        if (merge < 0) {
            rank[node] = -1;
            return;
        }
        rank[node] = Vocabulary.rank(merge);
        push((long) rank[node] << 32 | node);
    }

    private void push(long entry) {
        if (heapSize == heap.length) {
            heap = Arrays.copyOf(heap, Math.max(64, heapSize * 2));
        }
        int i = heapSize++;
        while (i > 0 && heap[(i - 1) / 2] > entry) {
            heap[i] = heap[(i - 1) / 2];
            i = (i - 1) / 2;
        }
        heap[i] = entry;
    }

    private long poll() {
        long least = heap[0];
        long last = heap[--heapSize];
        int i = 0;
        for (int child = 1; child < heapSize; child = 2 * i + 1) {
            if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= last) {
                break;
            }
            heap[i] = heap[child];
            i = child;
        }
        heap[i] = last;
        return least;
    }
}
