package io.millrace.runtime.weights;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Some tensors of a model's files, mapped, and nothing else of the files: tensors that lie side by side as one mapping.
 *
 * @param tensors by name
 * @param files those that hold one of them
 * @param bytes of all mappings
 */
record MappedTensors(Map<String, Tensor> tensors, List<Path> files, long bytes) {
    /** What lies between two mappings and is smaller is on pages that they map anyway. */
    private static final long LEAST_GAP = 4096;

    /** @param wanted those that no file holds, because they were converted, are left out */
    static MappedTensors of(List<MappedFile> files, Collection<Tensor> wanted, FileMapping mapping, Arena arena) {
        Map<String, Tensor> tensors = new HashMap<>();
        List<Path> used = new ArrayList<>();
        long bytes = 0;
        for (MappedFile file : files) {
            List<Tensor> here = wanted.stream().filter(file::holds)
                    .sorted(Comparator.comparingLong(file::offset)).toList();
            for (int first = 0; first < here.size();) {
                int end = endOfNeighbours(file, here, first);
                long from = file.offset(here.get(first));
                MemorySegment mapped = mapping.map(file.path(), from, end(file, here.get(end - 1)) - from, arena);
                for (Tensor tensor : here.subList(first, end)) {
                    tensors.put(tensor.name(), new Tensor(tensor.name(), tensor.type(), tensor.rows(), tensor.cols(),
                            mapped.asSlice(file.offset(tensor) - from, tensor.data().byteSize())));
                }
                bytes += mapped.byteSize();
                first = end;
            }
            if (!here.isEmpty()) {
                used.add(file.path());
            }
        }
        return new MappedTensors(tensors, used, bytes);
    }

    private static int endOfNeighbours(MappedFile file, List<Tensor> ascending, int first) {
        int end = first + 1;
        while (end < ascending.size()
                && file.offset(ascending.get(end)) - end(file, ascending.get(end - 1)) < LEAST_GAP) {
            end++;
        }
        return end;
    }

    private static long end(MappedFile file, Tensor tensor) {
        return file.offset(tensor) + tensor.data().byteSize();
    }
}
