package io.millrace.job.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.packing.PackedMatrix;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LayerRange;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelOutline;
import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ModelShapeTest {

    private static ShardLoad whole(ModelShape model) {
        return new Footprint(model, KvType.F16).of(LayerRange.all(model.config()), 1);
    }

    private static ModelShape shape(String geometry, Quantization quantization) {
        return ModelShape.of(Geometry.named(geometry).orElseThrow(), quantization);
    }

    @ParameterizedTest
    @CsvSource({"1b, 1235814400", "3b, 3212749824", "8b, 8030261248", "70b, 70553706496", "405b, 405853388800"})
    void aGeometryHasTheParametersOfItsModel(String geometry, long parameters) {
        assertThat(whole(shape(geometry, Quantization.F32)).fileBytes()).isEqualTo(4 * parameters);
    }

    @ParameterizedTest
    @CsvSource({"1b, 32", "3b, 112", "8b, 128", "70b, 320", "405b, 504"})
    void aTokenTakesSoMuchOfTheCache(String geometry, long kibibytes) {
        ModelShape model = shape(geometry, Quantization.Q4_0);

        assertThat(whole(model).kvBytes()).isEqualTo(KvLayout.BLOCK_POSITIONS * kibibytes * 1024);
    }

    @Test
    void q4Takes18BytesFor32Weights() {
        // 8,029,995,008 weights of matrices, 266,240 of norms.
        assertThat(whole(shape("8b", Quantization.Q4_0)).fileBytes())
                .isEqualTo(8_029_995_008L / 32 * 18 + 266_240 * 4);
    }

    @ParameterizedTest
    @CsvSource({"8b, Q4_K_M, 4.58", "70b, Q4_K_M, 39.59", "8b, Q5_K_M, 5.33", "8b, Q6_K, 6.14", "8b, Q8_0, 7.95"})
    void mixturesAreAsLargeAsThePublishedFiles(String geometry, Quantization quantization, double gib) {
        assertThat(whole(shape(geometry, quantization)).fileBytes() / Math.scalb(1.0, 30)).isCloseTo(gib, within(0.01));
    }

    @Test
    void packedWeightsTakeTheBytesOfTheirOwnLayout() {
        assertThat(whole(shape("8b", Quantization.Q6_K)).packedBytes())
                .isGreaterThan(whole(shape("8b", Quantization.Q6_K)).fileBytes());
        assertThat(whole(shape("8b", Quantization.BF16)).packedBytes()).isZero();
        // All but the embedding, whose rows are looked up in the file.
        ShardLoad q4 = whole(shape("8b", Quantization.Q4_0));
        assertThat(q4.packedBytes() + 128_256L * 4096 / 32 * 18 + 266_240 * 4).isEqualTo(q4.fileBytes());
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "Q8_0", "Q4_0"})
    void aModelOfFilesHasTheSizesOfItsFiles(TensorType type, @TempDir Path directory) throws IOException {
        Path file = directory.resolve("sample.gguf");
        SampleModel.write(file, SampleModel.Options.defaults().withGeometry(3, 64, 128, 4, 2, 16).withType(type));
        try (LlamaWeights weights = LlamaWeights.open(file); PackedWeights packed = PackedWeights.inMemory(weights)) {
            ModelShape model = ModelShape.of(weights);
            Footprint footprint = new Footprint(model, KvType.F16);

            // So that a plan's split is the one of the job.
            assertThat(model.outline()).isEqualTo(ModelOutline.read(file));
            assertThat(whole(model).fileBytes()).isEqualTo(weights.bytes());
            assertThat(whole(model).packedBytes()).isEqualTo(weights.tensors().stream().map(packed::of)
                    .flatMap(Optional::stream).map(PackedMatrix::data).mapToLong(data -> data.byteSize()).sum());
            // Nothing is lost where it is cut.
            LongStream parts = Stream.of(new LayerRange(0, 2), new LayerRange(2, 3))
                    .mapToLong(range -> footprint.of(range, 1).fileBytes());
            assertThat(parts.sum()).isEqualTo(weights.bytes());
        }
    }

    @Test
    void aTiedOutputIsMappedOnceInOneShardAndTwiceInTwo() {
        ModelShape model = shape("1b", Quantization.BF16);
        Footprint footprint = new Footprint(model, KvType.F16);
        long embedding = 128_256L * 2048 * 2;

        long apart = footprint.of(new LayerRange(0, 8), 1).weightBytes()
                + footprint.of(new LayerRange(8, 16), 1).weightBytes();

        assertThat(apart).isEqualTo(whole(model).weightBytes() + embedding);
    }
}
