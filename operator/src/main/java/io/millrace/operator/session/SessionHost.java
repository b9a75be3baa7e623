package io.millrace.operator.session;

import io.millrace.operator.shard.ShardMessage;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeadLetter;
import io.millrace.schemas.TokenDelta;

/** What the sessions need of the operator that runs them. Task thread only. */
interface SessionHost {
    /** State and timers are those of this key from now on. */
    void setCurrentKey(String key);

    /** Processing time, in milliseconds since 1970-01-01 UTC. */
    long currentMillis();

    /** Calls {@link Sessions#onTimer} with the current key at that time. */
    void setTimer(long millis);

    void deleteTimer(long millis);

    void emit(CompletionEvent completion);

    void emit(TokenDelta delta);

    void emit(DeadLetter letter);

    /** To the other shards; does nothing when there are none. */
    void emit(ShardMessage message);
}
