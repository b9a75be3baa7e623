package io.millrace.runtime.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Learns byte-pair merges from text (Sennrich, Haddow, Birch 2016): again and again the pair of neighbouring tokens that is
 * most frequent is merged into one. Merges stay within the pieces that Llama 3's expression cuts, and never touch a number,
 * so that a number is always a sequence of single digits. Nor do they cross the beginning of a capitalised word, so that a name
 * is the same tokens behind a space, a quote or an apostrophe: only then can it be copied from one to the other.
 *
 * <p>The same texts give the same merges, in whatever order they were added: of pairs that are equally frequent, the one whose
 * {@code left right} is the lesser text in the {@link ByteAlphabet} is merged first.
 *
 * <p>The count of every pair is kept, with the pieces that hold it, so a merge costs what it changes. The most frequent pair
 * comes out of a heap whose entries may be out of date; they are checked as they come out. Not for use by several threads.
 */
public final class BytePairTrainer {
    private final Map<String, Long> occurrences = new HashMap<>();

    /** Adds the pieces of a text, all but its numbers, {@code times} times. */
    public void addText(String input, long times) {
        String text = Unicode.wellFormed(input);
        var splitter = new PieceSplitter(text);
        for (int start = 0; start < text.length();) {
            int end = splitter.end(start);
            if (!PieceSplitter.isNumber(text.codePointAt(start))) {
                addCapitalised(text.substring(start, end), times);
            }
            start = end;
        }
    }

    private void addCapitalised(String piece, long times) {
        int from = 0;
        for (int i = 1; i < piece.length(); i++) {
            if (Character.isUpperCase(piece.charAt(i)) && !Character.isUpperCase(piece.charAt(i - 1))) {
                addPiece(piece.substring(from, i), times);
                from = i;
            }
        }
        addPiece(piece.substring(from), times);
    }

    /** Adds a piece within which tokens may be merged, {@code times} times. */
    public void addPiece(String piece, long times) {
        occurrences.merge(piece, times, Long::sum);
    }

    /**
     * Learns from what was added.
     *
     * @param newTokens how many tokens to add to those of the 256 bytes
     * @return the merges, in the order in which they were learned: pairs of tokens in the {@link ByteAlphabet}, separated by a
     *         space. Two merges may give the same token
     * @throws IllegalArgumentException when the text is not enough for so many tokens
     */
    public List<String> merges(int newTokens) {
        Run run = new Run();
        occurrences.forEach((piece, times) -> run.add(piece.getBytes(StandardCharsets.UTF_8), times));
        return run.merges(newTokens);
    }

    /** A piece as the tokens it has so far, {@code tokens[0, length)}. */
    private static final class Piece {
        final int[] tokens;
        final long occurrences;
        int length;

        Piece(int[] tokens, long occurrences) {
            this.tokens = tokens;
            this.occurrences = occurrences;
            length = tokens.length;
        }
    }

    /** Two tokens that are neighbours somewhere, and the pieces in which they are or were. */
    private static final class Pair {
        final int left;
        final int right;
        final List<Piece> pieces = new ArrayList<>();
        long count;

        Pair(int left, int right) {
            this.left = left;
            this.right = right;
        }

        /** A pair that is in a piece several times is met several times in a row. */
        void addPiece(Piece piece) {
            if (pieces.isEmpty() || pieces.getLast() != piece) {
                pieces.add(piece);
            }
        }
    }

    /** A pair and how frequent it was when it was queued. */
    private record Candidate(Pair pair, long count, String text) {
        static final Comparator<Candidate> BY_COUNT_THEN_TEXT = Comparator.comparingLong(Candidate::count).reversed()
                .thenComparing(Candidate::text);
    }

    private static final class Run {
        private final List<String> tokens = new ArrayList<>();
        private final Map<String, Integer> ids = new HashMap<>();
        private final Map<Long, Pair> pairs = new HashMap<>();
        private final PriorityQueue<Candidate> queue = new PriorityQueue<>(Candidate.BY_COUNT_THEN_TEXT);

        Run() {
            for (int b = 0; b < 256; b++) {
                idOf(String.valueOf(ByteAlphabet.toChar(b)));
            }
        }

        void add(byte[] bytes, long times) {
            int[] ids = new int[bytes.length];
            Arrays.setAll(ids, i -> bytes[i] & 0xFF);
            Piece piece = new Piece(ids, times);
            for (int i = 1; i < piece.length; i++) {
                Pair pair = pair(ids[i - 1], ids[i]);
                pair.count += times;
                pair.addPiece(piece);
            }
        }

        List<String> merges(int newTokens) {
            pairs.values().forEach(this::enqueue);
            List<String> merges = new ArrayList<>(newTokens);
            while (tokens.size() < 256 + newTokens) {
                Pair best = mostFrequent();
                if (best == null) {
                    throw new IllegalArgumentException("texts: no pair is left to merge after "
                            + (tokens.size() - 256) + " of " + newTokens + " tokens; give it more text");
                }
                merges.add(text(best));
                merge(best);
            }
            return List.copyOf(merges);
        }

        private @Nullable Pair mostFrequent() {
            for (Candidate next = queue.poll(); next != null; next = queue.poll()) {
                if (next.count == next.pair.count) {
                    return next.pair;
                }
                enqueue(next.pair);
            }
            return null;
        }

        private void merge(Pair pair) {
            int merged = idOf(tokens.get(pair.left) + tokens.get(pair.right));
            Set<Pair> grown = new HashSet<>();
            for (Piece piece : pair.pieces) {
                count(piece, -piece.occurrences);
                replace(piece, pair, merged);
                count(piece, piece.occurrences);
                for (int i = 1; i < piece.length; i++) {
                    if (piece.tokens[i - 1] == merged || piece.tokens[i] == merged) {
                        Pair made = pair(piece.tokens[i - 1], piece.tokens[i]);
                        made.addPiece(piece);
                        grown.add(made);
                    }
                }
            }
            pair.pieces.clear();
            grown.forEach(this::enqueue);
        }

        /** Replaces a pair by its merge, leftmost first. */
        private static void replace(Piece piece, Pair pair, int merged) {
            int[] ids = piece.tokens;
            int to = 0;
            for (int from = 0; from < piece.length; from++) {
                if (from + 1 < piece.length && ids[from] == pair.left && ids[from + 1] == pair.right) {
                    ids[to++] = merged;
                    from++;
                } else {
                    ids[to++] = ids[from];
                }
            }
            piece.length = to;
        }

        private void count(Piece piece, long times) {
            for (int i = 1; i < piece.length; i++) {
                pair(piece.tokens[i - 1], piece.tokens[i]).count += times;
            }
        }

        private Pair pair(int left, int right) {
            return pairs.computeIfAbsent((long) left << 32 | right, key -> new Pair(left, right));
        }

        private void enqueue(Pair pair) {
            if (pair.count > 0) {
                queue.add(new Candidate(pair, pair.count, text(pair)));
            }
        }

        private String text(Pair pair) {
            return tokens.get(pair.left) + " " + tokens.get(pair.right);
        }

        /** The number of a token, a new one when there is none with this text. */
        private int idOf(String text) {
            return ids.computeIfAbsent(text, token -> {
                tokens.add(token);
                return tokens.size() - 1;
            });
        }
    }
}
