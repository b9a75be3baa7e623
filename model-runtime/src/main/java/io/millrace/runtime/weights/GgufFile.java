package io.millrace.runtime.weights;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GGUF model, mapped: the metadata of its (first) file and the tensors of all its files. A model that
 * {@code llama-gguf-split} cut in parts {@code name-00001-of-0000N.gguf} is opened by the path of its first part.
 *
 * <p>Immutable, any thread may read. Whoever opened it closes it, which ends the life of every tensor.
 */
public final class GgufFile implements AutoCloseable {
    private static final Pattern PART_NAME = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");
    private static final String SPLIT_COUNT = "split.count";
    private static final String SPLIT_NO = "split.no";
    private static final String SPLIT_TENSORS = "split.tensors.count";

    private final Path path;
    private final Arena arena;
    private final GgufMetadata metadata;
    private final Map<String, Tensor> tensors;
    private final List<MappedFile> files = new ArrayList<>();

    private GgufFile(Path path, Arena arena, GgufPart first) {
        this.path = path;
        this.arena = arena;
        this.metadata = first.metadata();
        this.tensors = new LinkedHashMap<>(first.file().tensors());
        files.add(first.file());
    }

    /**
     * Maps and checks a file, or all parts of a split one.
     *
     * @param path the file, or the first part
     * @throws ModelFormatException when a file is missing or anything in it is not as the format wants it
     */
    public static GgufFile open(Path path) {
        return open(path, FileCursor::map);
    }

    static GgufFile open(Path path, FileMapping mapping) {
        Arena arena = Arena.ofShared();
        try {
            GgufFile file = new GgufFile(path, arena, part(path, mapping, arena));
            file.addParts(mapping);
            return file;
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private void addParts(FileMapping mapping) {
        int count = metadata.has(SPLIT_COUNT) ? metadata.integer(SPLIT_COUNT) : 1;
        if (count == 1) {
            return;
        }
        checkPart(metadata, 0, count);
        Matcher name = PART_NAME.matcher(String.valueOf(path.getFileName()));
        if (!name.matches() || Integer.parseInt(name.group(3)) != count) {
            throw metadata.error(SPLIT_COUNT, "is " + count + ", but the file's name does not end in -00001-of-"
                    + partNumber(count) + ".gguf; give the parts the names they were made with");
        }
        for (int i = 1; i < count; i++) {
            Path sibling = path
                    .resolveSibling(name.group(1) + "-" + partNumber(i + 1) + "-of-" + partNumber(count) + ".gguf");
            GgufPart part = part(sibling, mapping, arena);
            checkPart(part.metadata(), i, count);
            addTensors(part.file());
            files.add(part.file());
        }
        if (tensors.size() != metadata.integer(SPLIT_TENSORS)) {
            throw metadata.error(SPLIT_TENSORS, "is " + metadata.integer(SPLIT_TENSORS) + ", but the " + count
                    + " parts hold " + tensors.size() + " tensors; they are not the parts of one model");
        }
    }

    private static GgufPart part(Path file, FileMapping mapping, Arena arena) {
        return GgufPart.parse(file, mapping.map(file, 0, FileMapping.TO_END, arena));
    }

    private static String partNumber(int number) {
        return String.format(Locale.ROOT, "%05d", number);
    }

    private static void checkPart(GgufMetadata part, int index, int count) {
        int number = part.integer(SPLIT_NO) + 1;
        if (number != index + 1 || part.integer(SPLIT_COUNT) != count) {
            throw part.error(SPLIT_NO, "the file is part " + number + " of " + part.integer(SPLIT_COUNT)
                    + ", expected part " + (index + 1) + " of " + count);
        }
    }

    private void addTensors(MappedFile file) {
        file.tensors().forEach((name, tensor) -> {
            if (tensors.put(name, tensor) != null) {
                throw new ModelFormatException(file.path(), name, "is also in an earlier part");
            }
        });
    }

    /** The path it was opened by. */
    public Path path() {
        return path;
    }

    /** The file, or all parts of a split one, in order. */
    List<MappedFile> files() {
        return Collections.unmodifiableList(files);
    }

    /** The metadata of the file, of the first part when it is split. */
    public GgufMetadata metadata() {
        return metadata;
    }

    /** The tensors by name, in file order. */
    public Map<String, Tensor> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    /** The tensor of a name, if there is one. */
    public Optional<Tensor> tensor(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    /** What the tensors' memory belongs to; for memory that shall live as long as they. */
    Arena arena() {
        return arena;
    }

    /** Unmaps the files; no tensor may be used any more. */
    @Override
    public void close() {
        arena.close();
    }
}
