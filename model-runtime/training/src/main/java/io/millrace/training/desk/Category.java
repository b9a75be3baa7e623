package io.millrace.training.desk;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;

/** What a customer's message is about. */
public enum Category {
    @JsonProperty("delivery")
    DELIVERY,
    @JsonProperty("defect")
    DEFECT,
    @JsonProperty("refund")
    REFUND,
    @JsonProperty("billing")
    BILLING,
    @JsonProperty("account")
    ACCOUNT,
    @JsonProperty("product")
    PRODUCT;

    /** The name in JSON. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
