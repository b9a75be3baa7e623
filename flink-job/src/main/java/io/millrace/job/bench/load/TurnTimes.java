package io.millrace.job.bench.load;

/**
 * A turn as its client saw it; times are {@link System#nanoTime()}.
 *
 * @param conversation number of the conversation, from 0
 * @param turn number of the turn, from 1
 * @param promptTokens all tokens before the first generated one, the history included
 * @param answerTokens generated
 * @param sent when the client sent the prompt
 * @param first when it had the first piece of the answer
 * @param last when it had the last one
 */
record TurnTimes(int conversation, int turn, int promptTokens, int answerTokens, long sent, long first, long last) {

    double firstTokenMillis() {
        return (first - sent) / 1e6;
    }

    /** Mean time per token after the first; 0 when there is only one. */
    double perTokenMillis() {
        return answerTokens < 2 ? 0 : (last - first) / 1e6 / (answerTokens - 1);
    }
}
