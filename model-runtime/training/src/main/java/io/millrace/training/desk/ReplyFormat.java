package io.millrace.training.desk;

/** The form of a reply. */
public enum ReplyFormat {
    /** Sentences in one line. */
    PLAIN,
    /** Every sentence a line that begins with a hyphen and a space. */
    LIST,
    /** A JSON object whose only field, {@code reply}, holds the sentences. */
    JSON
}
