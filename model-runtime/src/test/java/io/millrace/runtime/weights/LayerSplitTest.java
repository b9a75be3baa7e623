package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LayerSplitTest {

    @Test
    void theSlowestShardOfABalancedSplitReadsLeast() {
        // The output matrix weighs as much as four layers.
        ModelOutline model = model(16, 40);

        assertThat(LayerSplit.balanced(model, 1)).hasToString("0-15");
        assertThat(LayerSplit.balanced(model, 2)).hasToString("0-9,10-15");
        assertThat(LayerSplit.balanced(model, 3)).hasToString("0-6,7-13,14-15");
        assertThat(LayerSplit.balanced(model, 4)).hasToString("0-4,5-9,10-14,15");
    }

    @Test
    void everyNumberOfShardsUpToTheLayersGivesEachALayer() {
        ModelOutline model = model(7, 500);

        for (int shards = 1; shards <= 7; shards++) {
            LayerSplit split = LayerSplit.balanced(model, shards);
            assertThat(split.shards()).isEqualTo(shards);
            assertThat(split.check(model.config()).ranges()).allMatch(range -> range.layers() > 0);
        }
        assertThatThrownBy(() -> LayerSplit.balanced(model, 8))
                .hasMessage("8 shards of a model with 7 layers; use 1 to 7");
    }

    @Test
    void readsTheRangesThatItWrites() {
        LayerSplit split = LayerSplit.parse(" 0 - 6 ,7, 8-15");

        assertThat(split.ranges()).containsExactly(new LayerRange(0, 7), new LayerRange(7, 8), new LayerRange(8, 16));
        assertThat(LayerSplit.parse(split.toString())).isEqualTo(split);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0-6,8-15", "1-15", "0-6,6-15", "5-3", "-1-3", "0-6;7-15", "0-999999999"})
    void refusesRangesThatDoNotFollowEachOther(String text) {
        assertThatThrownBy(() -> LayerSplit.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void refusesRangesOfAnotherModel() {
        assertThatThrownBy(() -> LayerSplit.parse("0-6,7-11").check(model(16, 0).config()))
                .hasMessage("layers 0-6,7-11: they are 12 layers, and the model has 16");
    }

    @Test
    void theFirstShardMapsTheEmbeddingAndTheLastTheOutput() {
        ModelOutline model = model(4, 40);

        assertThat(model.bytes(new LayerRange(0, 2))).isEqualTo(40 + 20);
        assertThat(model.bytesPerToken(new LayerRange(0, 2))).isEqualTo(20);
        assertThat(model.bytes(new LayerRange(2, 4))).isEqualTo(20 + 40);
    }

    /** Each layer weighs 10. */
    private static ModelOutline model(int layers, long outputBytes) {
        LlamaConfig config = new LlamaConfig(layers, 64, 128, 4, 2, 16, 100, 512, 1e-5f, 500_000);
        return new ModelOutline("test", config, outputBytes, List.copyOf(Collections.nCopies(layers, 10L)),
                outputBytes);
    }
}
