package io.millrace.training.desk;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How the desk speaks. */
public enum Tone {
    @JsonProperty("friendly")
    FRIENDLY,
    @JsonProperty("formal")
    FORMAL
}
