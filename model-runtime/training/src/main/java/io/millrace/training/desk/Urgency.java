package io.millrace.training.desk;

import java.util.Locale;

/** How soon a customer wants an answer; medium unless a sentence says it. */
public enum Urgency {
    LOW, MEDIUM, HIGH;

    /** The name in JSON. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
