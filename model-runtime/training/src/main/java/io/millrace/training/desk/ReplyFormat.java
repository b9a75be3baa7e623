package io.millrace.training.desk;

import com.fasterxml.jackson.annotation.JsonProperty;

/** The form of a reply. */
public enum ReplyFormat {
    /** Sentences in one line. */
    @JsonProperty("plain")
    PLAIN,
    /** Every sentence a line that begins with a hyphen and a space. */
    @JsonProperty("list")
    LIST,
    /** A JSON object whose only field, {@code reply}, holds the sentences. */
    @JsonProperty("json")
    JSON
}
