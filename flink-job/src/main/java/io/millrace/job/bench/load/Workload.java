package io.millrace.job.bench.load;

import io.millrace.runtime.kv.KvLayout;

/**
 * Conversations that are held at the same time; each sends its next turn when the one before is answered. Every number is 1
 * or more.
 *
 * @param conversations at the same time
 * @param turns of each
 * @param prompt tokens of the user's message of a turn, or a few more where words are not one token each
 * @param answer tokens of an answer, exactly
 */
public record Workload(int conversations, int turns, int prompt, int answer) {
    /** Headers, ends of messages, and the last word of a prompt: more than any turn adds beside its texts. */
    private static final int AROUND = 32;

    /** Tokens of a conversation at its end, at most. */
    public long positions() {
        return (long) turns * (prompt + answer + AROUND);
    }

    /** Bytes of the KV cache with which no conversation ever has to leave the arena. */
    public long kvBytes(KvLayout layout) {
        long blocks = positions() / KvLayout.BLOCK_POSITIONS + 1;
        return conversations * blocks * layout.blockBytes();
    }

    /** Tokens that all conversations generate. */
    public long tokens() {
        return (long) conversations * turns * answer;
    }
}
