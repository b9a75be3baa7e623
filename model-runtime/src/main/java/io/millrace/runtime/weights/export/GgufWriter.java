package io.millrace.runtime.weights.export;

import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.runtime.weights.TensorType;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/**
 * Writes a GGUF file of version 3: first collect metadata and tensors, then {@link #write}. Keys and tensors appear in the
 * order in which they were added. Not for use by several threads.
 */
public final class GgufWriter {
    private static final int ALIGNMENT = 32;
    private static final int UINT32 = 4;
    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int BOOL = 7;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    private final Buffer metadata = new Buffer();
    private final List<Entry> tensors = new ArrayList<>();
    private long metadataCount;

    private record Entry(String name, TensorType type, int[] dimensions, Supplier<byte[]> data) {
        long bytes() {
            long rows = 1;
            for (int i = 1; i < dimensions.length; i++) {
                rows *= dimensions[i];
            }
            return rows * type.rowBytes(dimensions[0]);
        }
    }

    public GgufWriter string(String key, String value) {
        key(key, STRING).string(value);
        return this;
    }

    public GgufWriter uint32(String key, int value) {
        key(key, UINT32).int32(value);
        return this;
    }

    public GgufWriter float32(String key, float value) {
        key(key, FLOAT32).int32(Float.floatToRawIntBits(value));
        return this;
    }

    public GgufWriter bool(String key, boolean value) {
        key(key, BOOL).write(value ? 1 : 0);
        return this;
    }

    public GgufWriter strings(String key, List<String> values) {
        key(key, ARRAY).int32(STRING).int64(values.size());
        values.forEach(metadata::string);
        return this;
    }

    public GgufWriter int32s(String key, int[] values) {
        key(key, ARRAY).int32(INT32).int64(values.length);
        for (int value : values) {
            metadata.int32(value);
        }
        return this;
    }

    /** Says what most matrices are, by the number that llama.cpp has for it. */
    public GgufWriter fileType(TensorType type) {
        return uint32("general.file_type", switch (type) {
            case F32 -> 0;
            case F16 -> 1;
            case Q4_0 -> 2;
            case Q8_0 -> 7;
            case BF16 -> 32;
            case Q4_K, Q5_K, Q6_K -> throw new IllegalArgumentException("type: " + type + " cannot be written");
        });
    }

    /** Adds the tokenizer, keys {@code tokenizer.ggml.*}. */
    public GgufWriter tokenizer(LearnedVocabulary vocabulary) {
        int[] types = new int[vocabulary.tokens().size()];
        Arrays.fill(types, 0, vocabulary.firstSpecial(), 1); // normal
        Arrays.fill(types, vocabulary.firstSpecial(), types.length, 3); // control
        return string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", "llama-bpe")
                .strings("tokenizer.ggml.tokens", vocabulary.tokens()).int32s("tokenizer.ggml.token_type", types)
                .strings("tokenizer.ggml.merges", vocabulary.merges())
                .uint32("tokenizer.ggml.bos_token_id", vocabulary.firstSpecial())
                .uint32("tokenizer.ggml.eos_token_id", vocabulary.endOfTurn())
                .uint32("tokenizer.ggml.eot_token_id", vocabulary.endOfTurn())
                .bool("tokenizer.ggml.add_bos_token", true);
    }

    /** Adds a vector; {@code data} gives its bytes when the file is written. */
    public GgufWriter vector(String name, TensorType type, int size, Supplier<byte[]> data) {
        tensors.add(new Entry(name, type, new int[]{size}, data));
        return this;
    }

    /** Adds a matrix of {@code rows} rows; {@code data} gives its bytes, row after row, when the file is written. */
    public GgufWriter matrix(String name, TensorType type, int rows, int cols, Supplier<byte[]> data) {
        tensors.add(new Entry(name, type, new int[]{cols, rows}, data));
        return this;
    }

    /** Writes the file, replacing one that is there. */
    public void write(Path file) throws IOException {
        Buffer head = new Buffer();
        head.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        head.int32(3).int64(tensors.size()).int64(metadataCount);
        head.writeBytes(metadata.toByteArray());
        long offset = 0;
        for (Entry tensor : tensors) {
            head.string(tensor.name).int32(tensor.dimensions.length);
            for (int dimension : tensor.dimensions) {
                head.int64(dimension);
            }
            head.int32(tensor.type.ggmlId()).int64(offset);
            offset += tensor.bytes() + padding(tensor.bytes());
        }
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
            out.write(head.toByteArray());
            out.write(new byte[padding(head.size())]);
            for (Entry tensor : tensors) {
                byte[] data = tensor.data.get();
                if (data.length != tensor.bytes()) {
                    throw new IllegalArgumentException(
                            tensor.name + ": " + data.length + " bytes, expected " + tensor.bytes());
                }
                out.write(data);
                out.write(new byte[padding(data.length)]);
            }
        }
    }

    private static int padding(long bytes) {
        return (int) (-bytes & (ALIGNMENT - 1));
    }

    private Buffer key(String key, int type) {
        metadataCount++;
        return metadata.string(key).int32(type);
    }

    private static final class Buffer extends ByteArrayOutputStream {
        Buffer int32(int value) {
            writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
            return this;
        }

        Buffer int64(long value) {
            writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
            return this;
        }

        Buffer string(String value) {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            int64(bytes.length);
            writeBytes(bytes);
            return this;
        }
    }
}
