package io.millrace.runtime.weights;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One file of the <a href="https://github.com/huggingface/safetensors#format">safetensors format</a>, parsed:
 * the length of a JSON header, the header, and data that the header's tensors cover without holes. Nothing in it is trusted.
 */
final class SafetensorsFile {
    private static final String METADATA = "__metadata__";
    private static final String OFFSETS = "data_offsets";

    private SafetensorsFile() {}

    /** The tensors of a file by name, slices of its bytes. */
    static Map<String, Tensor> parse(Path file, MemorySegment bytes) {
        FileCursor in = new FileCursor(file, bytes);
        long headerBytes = in.count("header length", 1);
        if (headerBytes > JsonFields.MAX_BYTES) {
            throw in.error("header length", headerBytes + " is more than " + JsonFields.MAX_BYTES + " bytes");
        }
        byte[] json = in.take(headerBytes, "header").toArray(ValueLayout.JAVA_BYTE);
        JsonFields header = JsonFields.parse(file, "header", json);
        long dataStart = in.position();
        MemorySegment data = in.take(in.remaining(), "data");
        List<Entry> entries = new ArrayList<>();
        for (String name : header.names()) {
            if (!name.equals(METADATA)) {
                entries.add(Entry.read(header.object(name), name, dataStart));
            }
        }
        checkCoverage(in, entries, data.byteSize());
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Entry entry : entries) {
            MemorySegment slice = data.asSlice(entry.begin, entry.end - entry.begin);
            tensors.put(entry.name, new Tensor(entry.name, entry.type, entry.rows, entry.cols, slice));
        }
        return tensors;
    }

    private static void checkCoverage(FileCursor in, List<Entry> entries, long dataBytes) {
        for (Entry entry : entries) {
            if (entry.end > dataBytes) {
                throw in.error(entry.name, "ends at byte " + entry.end + " of " + dataBytes
                        + " bytes of data; the file is truncated or damaged");
            }
        }
        long covered = 0;
        for (Entry entry : entries.stream().sorted(Comparator.comparingLong(Entry::begin)).toList()) {
            if (entry.begin != covered) {
                throw in.error(entry.name, "begins at byte " + entry.begin + ", but the tensor before it ends at byte "
                        + covered + "; tensors must not overlap nor leave holes");
            }
            covered = entry.end;
        }
        if (covered != dataBytes) {
            throw in.error("data", (dataBytes - covered) + " bytes at the end belong to no tensor");
        }
    }

    private record Entry(String name, TensorType type, int rows, int cols, long begin, long end) {

        static Entry read(JsonFields fields, String name, long dataStart) {
            TensorType type = switch (fields.string("dtype")) {
                case "F32" -> TensorType.F32;
                case "F16" -> TensorType.F16;
                case "BF16" -> TensorType.BF16;
                default -> throw fields.error("dtype",
                        fields.string("dtype") + " is not supported, only F32, F16 and BF16");
            };
            long[] shape = fields.longs("shape");
            if (shape.length < 1 || shape.length > 2) {
                throw fields.error("shape", shape.length + " dimensions, expected 1 or 2");
            }
            for (long size : shape) {
                if (size <= 0 || size > Integer.MAX_VALUE) {
                    throw fields.error("shape", size + " is not between 1 and " + Integer.MAX_VALUE);
                }
            }
            int rows = shape.length == 1 ? 1 : (int) shape[0];
            int cols = (int) shape[shape.length - 1];
            long[] offsets = fields.longs(OFFSETS);
            // Both factors are below 2^31 and a value has at most 4 bytes, so the product may overflow: divide instead.
            if (offsets.length != 2 || offsets[0] < 0 || offsets[1] < offsets[0]
                    || (offsets[1] - offsets[0]) % type.rowBytes(cols) != 0
                    || (offsets[1] - offsets[0]) / type.rowBytes(cols) != rows) {
                throw fields.error(OFFSETS, "are not the begin and end of " + rows + " x " + cols + " " + type);
            }
            if ((dataStart + offsets[0]) % type.blockBytes() != 0) {
                throw fields.error(OFFSETS, "byte " + (dataStart + offsets[0]) + " of the file is not aligned to "
                        + type.blockBytes() + " bytes; save the model again");
            }
            return new Entry(name, type, rows, cols, offsets[0], offsets[1]);
        }
    }
}
