package io.millrace.runtime.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.kernels.AttentionTile;
import io.millrace.runtime.kernels.BFloat16;
import io.millrace.runtime.kernels.ScalarKernels;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class KvAccessTest {

    /** Every layer, head and position has room of its own, up to the last byte of the block. */
    @ParameterizedTest
    @EnumSource(KvType.class)
    void whatIsStoredIsLoadedWithinTheTypesPrecision(KvType type) {
        int layers = 2;
        int heads = 3;
        int headDim = 10;
        KvLayout layout = new KvLayout(layers, heads, headDim, type);
        KvAccess kv = new KvAccess(layout, new ScalarKernels());
        MemorySegment block = Arena.ofAuto().allocate(layout.blockBytes(), 64);
        float[] vectors = vectors(layers * heads * 16 * 2 * headDim);
        int at = 0;
        for (int layer = 0; layer < layers; layer++) {
            for (int head = 0; head < heads; head++) {
                for (int p = 0; p < 16; p++, at += 2 * headDim) {
                    kv.storeKey(block, layer, head, p, vectors, at);
                    kv.storeValue(block, layer, head, p, vectors, at + headDim);
                }
            }
        }
        AttentionTile tile = kv.tile(1);
        at = 0;
        for (int layer = 0; layer < layers; layer++) {
            for (int head = 0; head < heads; head++) {
                for (int p = 0; p < 16; p++, at += 2 * headDim) {
                    float precision = precision(type);
                    for (int i = 0; i < headDim; i++) {
                        kv.loadKeys(block, layer, head, tile, 3);
                        float scale = type.scaled() ? tile.keyScales()[48 + p] : 1;
                        assertThat(tile.data()[3 * 16 * headDim + i * 16 + p] * scale)
                                .isBetween(vectors[at + i] - precision, vectors[at + i] + precision);
                        kv.loadValues(block, layer, head, tile, 3);
                        scale = type.scaled() ? tile.valueScales()[48 + p] : 1;
                        float value = vectors[at + headDim + i];
                        assertThat(tile.data()[(48 + p) * tile.valueStride() + i] * scale)
                                .isBetween(value - precision, value + precision);
                    }
                }
            }
        }
    }

    /** Half a step at magnitude 2, the largest that occurs. */
    private static float precision(KvType type) {
        return switch (type) {
            case F32 -> 0;
            case F16 -> 0x1p-11f;
            case BF16 -> 0x1p-8f;
            case Q8 -> 2f / 127 / 2 * 1.0001f;
        };
    }

    private static float[] vectors(int count) {
        Random random = new Random(1);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat(-2, 2);
        }
        return values;
    }

    @Test
    void aScaleMakesTheLargestMagnitude127() {
        float[] values = {99, 0.5f, -254, 3, 99};
        assertThat(KvAccess.scale(values, 1, 3)).isEqualTo(2);
        assertThat(KvAccess.scale(new float[3], 0, 3)).isZero();
        assertThat(KvAccess.scale(new float[]{1, Float.NaN}, 0, 2)).isNaN();
    }

    @ParameterizedTest
    @CsvSource({"-254, 2, -127", "3, 2, 2", "1, 2, 0", "5, 2, 2", "-3, 2, -2", "7, 0, 0", "1.4e-44, 1.4e-45, 10",
            "2.6e-43, 1.4e-45, 127", "5, Infinity, 0"})
    void bytesAreRoundedToEven(float value, float scale, byte quant) {
        assertThat(KvAccess.quantize(value, scale)).isEqualTo(quant);
    }

    @Test
    void bfloat16IsRoundedToEven() {
        assertThat(bfloat(1)).isEqualTo(1);
        assertThat(bfloat(1 + 0x1p-8f)).isEqualTo(1);
        assertThat(bfloat(1 + 0x1.8p-8f)).isEqualTo(1 + 0x1p-7f);
        assertThat(bfloat(1 + 0x1.8p-7f)).isEqualTo(1 + 0x1p-6f);
        assertThat(bfloat(-1 - 0x1.8p-8f)).isEqualTo(-1 - 0x1p-7f);
        assertThat(bfloat(Float.MAX_VALUE)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(bfloat(Float.NEGATIVE_INFINITY)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(bfloat(Float.NaN)).isNaN();
        assertThat(bfloat(Float.intBitsToFloat(0x7f80_0001))).isNaN();
    }

    private static float bfloat(float value) {
        return Float.intBitsToFloat(BFloat16.of(value) << 16);
    }
}
