package io.millrace.operator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OperatorSettingsTest {

    @Test
    void onlyTheModelMustBeNamed() {
        OperatorSettings settings = OperatorSettings.of(Configuration.fromMap(Map.of("millrace.model", "m.gguf")));
        assertThat(settings.model()).isEqualTo("m.gguf");
        assertThat(settings.temperature()).isEqualTo(0.6f);
        assertThat(settings.topP()).isEqualTo(0.9f);
        assertThat(settings.ttlMillis()).isEqualTo(Duration.ofHours(1).toMillis());
    }

    @Test
    void aMissingModelIsNamedWithTheRemedy() {
        assertThatThrownBy(() -> OperatorSettings.of(new Configuration())).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("millrace.model: missing; set it to");
    }

    @ParameterizedTest
    @CsvSource({"millrace.engine.max-num-seqs,0", "millrace.engine.max-num-batched-tokens,0",
            "millrace.engine.kv.memory,0 b", "millrace.engine.threads,-1", "millrace.engine.num-speculative-tokens,-1",
            "millrace.engine.prompt-lookup-ngram,0", "millrace.session.ttl,0 ms",
            "millrace.session.duplicate-window,0", "millrace.session.max-accepted-prompts,0",
            "millrace.session.max-queued-prompts,-1", "millrace.session.max-event-size,0 b",
            "millrace.session.max-prompt-tokens,-1",
            "millrace.session.max-turns,-1", "millrace.session.max-tokens,-1",
            "millrace.session.max-completion-tokens,0", "millrace.sampling.temperature,NaN",
            "millrace.sampling.temperature,-0.1", "millrace.sampling.top-p,0", "millrace.sampling.top-p,1.1",
            "millrace.sampling.top-k,-1", "millrace.sampling.min-p,2"})
    void aValueOutOfRangeNamesItsOptionAndTheRemedy(String option, String value) {
        Configuration config = Configuration.fromMap(Map.of("millrace.model", "m.gguf", option, value));
        assertThatThrownBy(() -> OperatorSettings.of(config)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(option + ": ").hasMessageContaining("set it to");
    }

    @ParameterizedTest
    @CsvSource({"millrace.engine.max-num-seqs,many", "millrace.engine.kv.type,q3",
            "millrace.session.on-model-change,ignore", "millrace.session.overflow,truncate",
            "millrace.engine.prefix-cache,maybe",
            "millrace.session.ttl,soon"})
    void aValueOfTheWrongTypeNamesItsOption(String option, String value) {
        Configuration config = Configuration.fromMap(Map.of("millrace.model", "m.gguf", option, value));
        assertThatThrownBy(() -> OperatorSettings.of(config)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(option);
    }

    @Test
    void theWeightsCacheIsADirectoryOrNone() {
        Configuration config = Configuration.fromMap(Map.of("millrace.model", "m.gguf"));
        assertThat(OperatorSettings.of(config).weightsCacheDir()).isNull();
        assertThat(OperatorSettings.of(config.set(MillraceOptions.WEIGHTS_CACHE_DIR, "/cache")).weightsCacheDir())
                .isEqualTo("/cache");
        assertThatThrownBy(() -> OperatorSettings.of(config.set(MillraceOptions.WEIGHTS_CACHE_DIR, "")))
                .isInstanceOf(IllegalArgumentException.class).hasMessageStartingWith("millrace.weights.cache-dir: ");
    }
}
