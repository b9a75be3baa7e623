package io.millrace.training.desk;

import java.util.Locale;

/** How a customer feels; neutral unless a sentence says it. */
public enum Sentiment {
    NEGATIVE, NEUTRAL, POSITIVE;

    /** The name in JSON. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
