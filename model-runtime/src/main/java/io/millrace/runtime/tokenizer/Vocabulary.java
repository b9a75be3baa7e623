package io.millrace.runtime.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * Tokens and merges in packed, open-addressed tables: one pool of bytes for all tokens, one table from bytes to the id of a
 * base token, one table from a pair of ids to the rank of its merge. Special tokens are in the pool under
 * their names but not in the table, so no lookup by bytes can find one. Immutable.
 */
final class Vocabulary {
    private static final int NONE = -1;

    private final int size;
    private final byte[] pool;
    /** Token {@code id} is {@code pool[start[id], start[id + 1])}. */
    private final int[] start;
    private final boolean[] special;
    private final int[] idsByBytes;
    private final int[] idOfByte = new int[256];
    private final int[] ranksByPair;
    /** Pair and result of each merge, by its rank. */
    private final long[] pairs;
    private final int[] results;

    Vocabulary(TokenizerSource source) {
        List<String> tokens = source.tokens();
        size = tokens.size();
        start = new int[size + 1];
        special = new boolean[size];
        idsByBytes = filled(tableSize(size));
        byte[] bytes = new byte[16 * size];
        for (int id = 0; id < size; id++) {
            special[id] = source.special().get(id);
            byte[] token = special[id] ? tokens.get(id).getBytes(StandardCharsets.UTF_8) : baseBytes(source, id);
            int end = start[id] + token.length;
            if (end > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(end, bytes.length * 2));
            }
            System.arraycopy(token, 0, bytes, start[id], token.length);
            start[id + 1] = end;
        }
        pool = Arrays.copyOf(bytes, start[size]);
        for (int id = 0; id < size; id++) {
            if (!special[id]) {
                addToTable(source, id);
            }
        }
        for (int b = 0; b < 256; b++) {
            idOfByte[b] = find(new byte[]{(byte) b}, 0, 1);
            if (idOfByte[b] == NONE) {
                throw source.badTokens("no token for byte 0x" + HexFormat.of().toHexDigits((byte) b)
                        + "; byte-level BPE needs all 256");
            }
        }
        int merges = source.merges().size();
        ranksByPair = filled(tableSize(merges));
        pairs = new long[merges];
        results = new int[merges];
        addMerges(source);
    }

    private static byte[] baseBytes(TokenizerSource source, int id) {
        String token = source.tokens().get(id);
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            int b = ByteAlphabet.toByte(token.charAt(i));
            if (b < 0) {
                throw source.badTokens("token " + id + " (" + token + ") holds " + codeOf(token.charAt(i))
                        + ", no character of the byte-level alphabet");
            }
            bytes[i] = (byte) b;
        }
        if (bytes.length == 0) {
            throw source.badTokens("token " + id + " is empty");
        }
        return bytes;
    }

    private static String codeOf(char c) {
        return "U+" + HexFormat.of().withUpperCase().toHexDigits(c);
    }

    private void addToTable(TokenizerSource source, int id) {
        int slot = slot(pool, start[id], start[id + 1]);
        if (idsByBytes[slot] != NONE) {
            throw source.badTokens(
                    "tokens " + idsByBytes[slot] + " and " + id + " are the same: " + source.tokens().get(id));
        }
        idsByBytes[slot] = id;
    }

    private void addMerges(TokenizerSource source) {
        List<String> merges = source.merges();
        byte[] scratch = new byte[256];
        for (int rank = 0; rank < merges.size(); rank++) {
            String merge = merges.get(rank);
            int space = merge.indexOf(' ');
            if (space <= 0 || space == merge.length() - 1 || merge.indexOf(' ', space + 1) >= 0) {
                throw source.badMerges("merge " + rank + " (" + merge + ") is not two tokens separated by a space");
            }
            int length = merge.length() - 1;
            if (length > scratch.length) {
                scratch = new byte[length];
            }
            for (int i = 0, at = 0; i < merge.length(); i++) {
                int b = ByteAlphabet.toByte(merge.charAt(i));
                if (i != space && b < 0) {
                    throw source.badMerges("merge " + rank + " (" + merge + ") holds " + codeOf(merge.charAt(i))
                            + ", no character of the byte-level alphabet");
                }
                if (i != space) {
                    scratch[at++] = (byte) b;
                }
            }
            int left = find(scratch, 0, space);
            int right = find(scratch, space, length);
            int result = find(scratch, 0, length);
            if (left == NONE || right == NONE || result == NONE) {
                String unknown = left == NONE
                        ? merge.substring(0, space)
                        : right == NONE ? merge.substring(space + 1) : merge.replace(" ", "");
                throw source.badMerges("merge " + rank + " (" + merge + ") names " + unknown + ", which is no token");
            }
            long pair = pair(left, right);
            int slot = pairSlot(pair);
            if (ranksByPair[slot] != NONE) {
                throw source.badMerges("merge " + rank + " (" + merge + ") repeats merge " + ranksByPair[slot]);
            }
            ranksByPair[slot] = rank;
            pairs[rank] = pair;
            results[rank] = result;
        }
    }

    int size() {
        return size;
    }

    boolean isSpecial(int id) {
        return special[id];
    }

    int length(int id) {
        return start[id + 1] - start[id];
    }

    void copy(int id, byte[] target, int at) {
        System.arraycopy(pool, start[id], target, at, length(id));
    }

    /** A special token's name, or what a base token's bytes decode to. */
    String text(int id) {
        return new String(pool, start[id], length(id), StandardCharsets.UTF_8);
    }

    int idOfByte(byte b) {
        return idOfByte[b & 0xFF];
    }

    /** The base token with exactly these bytes, or -1. */
    int find(byte[] bytes, int from, int to) {
        return idsByBytes[slot(bytes, from, to)];
    }

    /** The merge of two adjacent tokens, to be read by {@link #rank} and {@link #result}, or -1 when there is none. */
    long merge(int left, int right) {
        int rank = ranksByPair[pairSlot(pair(left, right))];
        return rank == NONE ? NONE : (long) rank << 32 | results[rank];
    }

    static int rank(long merge) {
        return (int) (merge >>> 32);
    }

    static int result(long merge) {
        return (int) merge;
    }

    private int slot(byte[] bytes, int from, int to) {
        int hash = 0x811C9DC5;
        for (int i = from; i < to; i++) {
            hash = (hash ^ (bytes[i] & 0xFF)) * 0x01000193;
        }
        int mask = idsByBytes.length - 1;
        int slot = (hash ^ hash >>> 15) & mask;
        while (idsByBytes[slot] != NONE) {
            int id = idsByBytes[slot];
            if (Arrays.equals(pool, start[id], start[id + 1], bytes, from, to)) {
                return slot;
            }
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private static long pair(int left, int right) {
        return (long) left << 32 | right;
    }

    private int pairSlot(long pair) {
        int mask = ranksByPair.length - 1;
        long hash = pair * 0x9E3779B97F4A7C15L;
        int slot = (int) (hash >>> 32) & mask;
        while (ranksByPair[slot] != NONE && pairs[ranksByPair[slot]] != pair) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    /** A power of two that leaves at least half of the slots empty. */
    private static int tableSize(int entries) {
        return Integer.highestOneBit(Math.max(entries, 8)) * 4;
    }

    private static int[] filled(int length) {
        int[] table = new int[length];
        Arrays.fill(table, NONE);
        return table;
    }
}
