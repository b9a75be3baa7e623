package io.millrace.training.desk;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Map;

/**
 * What system prompts say, in English.
 *
 * @param triage asks for a triage
 * @param desk asks for replies
 * @param language sets the language of replies
 * @param tone sets their tone
 * @param length sets their length
 * @param format sets their form
 */
record SystemPrompts(Split<Template> triage, Split<Template> desk, Split<Template> language,
        Map<Tone, Split<Template>> tone, Length length, Map<ReplyFormat, Split<Template>> format) {

    /**
     * @param one asks for one sentence
     * @param two asks for two
     */
    record Length(@JsonProperty("one") Split<Template> one, @JsonProperty("two") Split<Template> two) {}
}
