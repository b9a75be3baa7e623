package io.millrace.runtime.weights;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The metadata of a GGUF file by key, decoded when it is asked for. A getter throws {@link ModelFormatException},
 * naming file and key, when the key is missing or has another type. Lives as long as the {@link GgufFile}.
 */
public final class GgufMetadata implements ConfigFields {
    private final Path path;
    private final Map<String, GgufValue> values;

    GgufMetadata(Path path, Map<String, GgufValue> values) {
        this.path = path;
        this.values = values;
    }

    /** The keys, in file order. */
    public List<String> keys() {
        return List.copyOf(values.keySet());
    }

    @Override
    public boolean has(String key) {
        return values.containsKey(key);
    }

    @Override
    public int integer(String key) {
        GgufValue value = scalar(key);
        if (!value.type().isInteger()) {
            throw error(key, "is " + value.describe() + ", expected an integer");
        }
        return toInt(key, value.integer(0));
    }

    @Override
    public float number(String key) {
        GgufValue value = scalar(key);
        return switch (value.type()) {
            case FLOAT32 -> value.data().get(FileCursor.FLOAT, 0);
            case FLOAT64 -> (float) value.data().get(FileCursor.DOUBLE, 0);
            default -> integer(key);
        };
    }

    /** The boolean of a key that must be there. */
    public boolean bool(String key) {
        GgufValue value = expect(scalar(key), key, GgufType.BOOL);
        return value.data().get(ValueLayout.JAVA_BYTE, 0) != 0;
    }

    /** The string of a key that must be there; at most 1 MiB. */
    public String string(String key) {
        MemorySegment bytes = new FileCursor(path, expect(scalar(key), key, GgufType.STRING).data()).string(key);
        return FileCursor.text(path, key, bytes);
    }

    /** The elements of an array of strings that must be there. */
    public List<String> strings(String key) {
        GgufValue value = expect(array(key), key, GgufType.STRING);
        FileCursor in = new FileCursor(path, value.data());
        List<String> strings = new ArrayList<>(length(key));
        for (long i = 0; i < value.count(); i++) {
            strings.add(FileCursor.text(path, key, in.string(key)));
        }
        return Collections.unmodifiableList(strings);
    }

    /** The elements of an array of integers that must be there. */
    public int[] integers(String key) {
        GgufValue value = array(key);
        if (!value.type().isInteger()) {
            throw error(key, "is " + value.describe() + ", expected integers");
        }
        int[] integers = new int[length(key)];
        for (int i = 0; i < integers.length; i++) {
            integers[i] = toInt(key, value.integer(i));
        }
        return integers;
    }

    /** The number of elements of an array that must be there. */
    public int length(String key) {
        return toInt(key, array(key).count());
    }

    @Override
    public ModelFormatException error(String key, String problem) {
        return new ModelFormatException(path, key, problem);
    }

    private GgufValue scalar(String key) {
        GgufValue value = value(key);
        if (value.array()) {
            throw error(key, "is " + value.describe() + ", expected one value");
        }
        return value;
    }

    private GgufValue array(String key) {
        GgufValue value = value(key);
        if (!value.array()) {
            throw error(key, "is " + value.describe() + ", expected an array");
        }
        return value;
    }

    private GgufValue value(String key) {
        GgufValue value = values.get(key);
        if (value == null) {
            throw error(key, "is missing");
        }
        return value;
    }

    private GgufValue expect(GgufValue value, String key, GgufType type) {
        if (value.type() != type) {
            throw error(key, "is " + value.describe() + ", expected " + type.name().toLowerCase(Locale.ROOT));
        }
        return value;
    }

    private int toInt(String key, long value) {
        if (value < Integer.MIN_VALUE || value > Integer.MAX_VALUE) {
            throw error(key, Long.toUnsignedString(value) + " is out of range");
        }
        return (int) value;
    }
}
