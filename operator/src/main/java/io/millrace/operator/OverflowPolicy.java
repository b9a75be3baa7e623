package io.millrace.operator;

import java.util.Locale;

/** What happens to a prompt with which its conversation would be longer than it may be. */
public enum OverflowPolicy {
    /** It is answered with an error that names the limit. */
    REJECT,
    /** The oldest turns are forgotten; the system messages of the conversation's beginning stay. */
    DROP_OLDEST_TURNS;

    /** As it is written in settings and events. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
