package io.millrace.operator.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.OperatorSettings;
import io.millrace.operator.SampleModels;
import io.millrace.runtime.weights.LayerRange;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShardsTest {

    private static Configuration options(String shards) {
        Configuration options = new Configuration();
        options.set(MillraceOptions.MODEL, SampleModels.deep().toString());
        options.set(MillraceOptions.SHARDS, shards);
        options.set(MillraceOptions.KV_MEMORY, MemorySize.ofMebiBytes(1));
        return options;
    }

    @Test
    void aNumberBalancesTheLayersAndRangesAreTakenAsTheyAre() {
        assertThat(ShardLayout.of(OperatorSettings.of(options(" 2 "))).split().shards()).isEqualTo(2);
        assertThat(ShardLayout.of(OperatorSettings.of(options("0,1-2,3"))).range(1)).isEqualTo(new LayerRange(1, 3));
        assertThat(OperatorSettings.of(options("0,1-2,3")).shards().count()).isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"0| millrace.shards: '0' shards; use 1 or more",
            "two| millrace.shards: 'two' is no range of layers; write 0-15,16-31",
            "0-1,3| millrace.shards: layers 3: expected a range that begins with layer 2"})
    void whatIsNoSplitIsRefusedWithTheOption(String shards, String message) {
        assertThatThrownBy(() -> OperatorSettings.of(options(shards))).hasMessage(message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"5| millrace.shards: 5 shards of a model with 4 layers; use 1 to 4",
            "0-1,2| millrace.shards: layers 0-1,2: they are 3 layers, and the model has 4"})
    void whatIsNoSplitOfTheModelIsRefusedWithTheOption(String shards, String message) {
        OperatorSettings settings = OperatorSettings.of(options(shards));
        assertThatThrownBy(() -> ShardLayout.of(settings)).hasMessage(message);
    }

    @Test
    void everyShardHasRoomForAsManyBlocks() {
        ShardLayout layout = ShardLayout.of(OperatorSettings.of(options("0,1-2,3")));

        assertThat(layout.kvBytes(1)).isEqualTo(2 * layout.kvBytes(0)).isLessThanOrEqualTo(1 << 20);
        assertThat(layout.kvBytes(0)).isEqualTo(layout.kvBytes(2));
    }

    @Test
    void blocksOfAnotherSplitOrOfOtherActivationsHaveAnotherTag() {
        Configuration rounded = options("2");
        rounded.set(MillraceOptions.ACTIVATION_TYPE, ActivationType.BF16);

        assertThat(ShardLayout.of(OperatorSettings.of(options("1"))).tag()).isEmpty();
        assertThat(Stream.of("2", "3", "0,1-3")
                .map(shards -> ShardLayout.of(OperatorSettings.of(options(shards))).tag())).doesNotHaveDuplicates()
                .doesNotContain(ShardLayout.of(OperatorSettings.of(rounded)).tag());
    }

    @Test
    void asManyMicroBatchesAsShardsAreUnderWayUnlessToldOtherwise() {
        Configuration options = options("3");
        assertThat(OperatorSettings.of(options).microBatches()).isEqualTo(3);
        options.set(MillraceOptions.MICRO_BATCHES, 1);
        assertThat(OperatorSettings.of(options).microBatches()).isEqualTo(1);
    }
}
