package io.millrace.operator;

import java.util.Locale;

/** What a restore does with sessions that another model computed. */
public enum ModelChangePolicy {
    /** The job does not start. */
    REFUSE,
    /** It starts, and the histories are computed again from their token ids as conversations go on. */
    RE_PREFILL;

    /** As it is written in settings. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
