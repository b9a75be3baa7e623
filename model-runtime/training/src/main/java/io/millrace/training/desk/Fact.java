package io.millrace.training.desk;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;

/** What a customer tells of himself and may ask back. */
enum Fact {
    @JsonProperty("order")
    ORDER,
    @JsonProperty("name")
    NAME,
    @JsonProperty("city")
    CITY,
    @JsonProperty("product")
    PRODUCT;

    /** The slot of its value in phrases; a product's slots are its grammatical forms. */
    String slot() {
        return name().toLowerCase(Locale.ROOT);
    }
}
