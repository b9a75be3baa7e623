package io.millrace.runtime.weights;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * One file of a GGUF model, parsed: version 2 or 3 of the
 * <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">format</a>. Nothing in it is trusted.
 *
 * @param metadata its key-value pairs
 */
record GgufPart(MappedFile file, GgufMetadata metadata) {
    private static final int MAGIC = 0x46554747; // "GGUF"
    private static final int MAX_KEY_BYTES = 65535;
    private static final int MAX_TENSOR_NAME_BYTES = 64;
    private static final int MAX_DIMENSIONS = 4;
    private static final String ALIGNMENT = "general.alignment";
    /** Key length, one byte of key, type, one byte of value. */
    private static final int MIN_ENTRY_BYTES = 8 + 1 + 4 + 1;
    /** Name length, one byte of name, number of dimensions, one dimension, type, offset. */
    private static final int MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

    /** Parses a file's bytes, of which the tensors are slices. */
    static GgufPart parse(Path file, MemorySegment data) {
        FileCursor in = new FileCursor(file, data);
        if (in.uint32("magic") != MAGIC) {
            throw in.error("magic", "is not a GGUF file");
        }
        int version = in.uint32("version");
        if (version != 2 && version != 3) {
            throw in.error("version", Integer.reverseBytes(version) == 3
                    ? "is big-endian; convert it to little-endian"
                    : Integer.toUnsignedString(version) + " is not supported, only 2 and 3; convert the model again");
        }
        long tensorCount = in.count("tensor_count", MIN_TENSOR_BYTES);
        long entryCount = in.count("metadata_kv_count", MIN_ENTRY_BYTES);
        Map<String, GgufValue> metadata = readMetadata(in, entryCount);
        Map<String, Tensor> tensors = readTensors(in, data, tensorCount, alignment(in, metadata));
        return new GgufPart(new MappedFile(file, data, tensors), new GgufMetadata(file, metadata));
    }

    private static Map<String, GgufValue> readMetadata(FileCursor in, long count) {
        Map<String, GgufValue> metadata = new LinkedHashMap<>();
        for (long i = 0; i < count; i++) {
            String key = in.name("metadata key " + i, MAX_KEY_BYTES);
            if (metadata.put(key, GgufValue.read(in, key)) != null) {
                throw in.error(key, "is there twice");
            }
        }
        return metadata;
    }

    private static long alignment(FileCursor in, Map<String, GgufValue> metadata) {
        GgufValue value = metadata.get(ALIGNMENT);
        if (value == null) {
            return 32;
        }
        if (value.array() || value.type() != GgufType.UINT32) {
            throw in.error(ALIGNMENT, "is " + value.describe() + ", expected a uint32");
        }
        long alignment = value.integer(0);
        if (alignment < 8 || Long.bitCount(alignment) != 1) {
            throw in.error(ALIGNMENT, alignment + " is not a power of two of at least 8");
        }
        return alignment;
    }

    /** A tensor whose place in the file is not yet checked. */
    private record Entry(String name, TensorType type, int rows, int cols, long offset) {
        long bytes() {
            return rows * type.rowBytes(cols);
        }
    }

    private static Map<String, Tensor> readTensors(FileCursor in, MemorySegment data, long count, long alignment) {
        List<Entry> entries = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            entries.add(readEntry(in, i));
        }
        long dataStart = (in.position() + alignment - 1) & -alignment;
        long dataBytes = Math.max(0, data.byteSize() - dataStart);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Entry entry : entries) {
            if (entry.offset % alignment != 0) {
                throw in.error(entry.name, "offset " + Long.toUnsignedString(entry.offset)
                        + " is not a multiple of the alignment " + alignment);
            }
            if (entry.offset < 0 || entry.bytes() > dataBytes || entry.offset > dataBytes - entry.bytes()) {
                throw in.error(entry.name, entry.bytes() + " bytes at offset " + Long.toUnsignedString(entry.offset)
                        + " reach past the end of " + dataBytes + " bytes of data; the file is truncated or damaged");
            }
            MemorySegment slice = data.asSlice(dataStart + entry.offset, entry.bytes());
            if (tensors.put(entry.name, new Tensor(entry.name, entry.type, entry.rows, entry.cols, slice)) != null) {
                throw in.error(entry.name, "is in the tensor table twice");
            }
        }
        rejectOverlaps(in, entries);
        return tensors;
    }

    private static Entry readEntry(FileCursor in, long index) {
        String name = in.name("tensor name " + index, MAX_TENSOR_NAME_BYTES);
        int dimensions = in.uint32(name);
        if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
            throw in.error(name, Integer.toUnsignedString(dimensions) + " dimensions, expected 1 to " + MAX_DIMENSIONS);
        }
        long cols = in.uint64(name);
        long rows = 1;
        for (int i = 1; i < dimensions; i++) {
            long size = in.uint64(name);
            // Both factors stay below 2^31, so the product cannot overflow.
            rows = size > 0 && size <= Integer.MAX_VALUE ? rows * size : 0;
            rows = rows <= Integer.MAX_VALUE ? rows : 0;
        }
        if (cols <= 0 || cols > Integer.MAX_VALUE || rows == 0) {
            throw in.error(name, "a dimension, or the number of rows, is not between 1 and " + Integer.MAX_VALUE);
        }
        int typeId = in.uint32(name);
        TensorType type = TensorType.ofGgmlId(typeId)
                .orElseThrow(() -> in.error(name,
                        "ggml type " + Integer.toUnsignedString(typeId)
                                + " is not supported; quantize the model to one of "
                                + Arrays.stream(TensorType.values()).map(Enum::name)
                                        .collect(Collectors.joining(", "))));
        if (cols % type.blockSize() != 0) {
            throw in.error(name, "rows of " + cols + " values are no multiple of the " + type.blockSize()
                    + " values of a " + type + " block");
        }
        if (rows > in.remaining() / type.rowBytes((int) cols)) {
            throw in.error(name, rows + " x " + cols + " values of " + type
                    + " are more than the file holds; it is truncated or damaged");
        }
        return new Entry(name, type, (int) rows, (int) cols, in.uint64(name));
    }

    private static void rejectOverlaps(FileCursor in, List<Entry> entries) {
        List<Entry> byOffset = entries.stream().sorted(Comparator.comparingLong(Entry::offset)).toList();
        for (int i = 1; i < byOffset.size(); i++) {
            Entry before = byOffset.get(i - 1);
            if (byOffset.get(i).offset < before.offset + before.bytes()) {
                throw in.error(byOffset.get(i).name, "overlaps the tensor " + before.name);
            }
        }
    }
}
