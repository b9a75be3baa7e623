package io.millrace.runtime.packing;

import io.millrace.runtime.packing.PackingPlan.Chunk;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The packed form of every matrix of the weights' range that the decoder multiplies with and that {@linkplain PackedLayout#packs packs}. It is mapped
 * from a cache file, which the first start writes; or made in memory, where there is no cache or it cannot be written.
 *
 * <p>
 * Immutable, any thread may read. Whoever opened it closes it, when nobody reads any more; the {@link LlamaWeights} it was
 * made from may be closed before. A cache file must not be truncated while it is mapped, which ends the process; deleting or
 * replacing it is harmless.
 */
public final class PackedWeights implements AutoCloseable {
    /** Less is packed in memory at every start, in a moment, and leaves no files behind. */
    public static final long LEAST_CACHED_BYTES = 64L << 20;

    private static final Logger LOG = LoggerFactory.getLogger(PackedWeights.class);

    private final PackedData data;
    private final Map<String, PackedMatrix> matrices;

    private PackedWeights(PackingPlan plan, PackedData data) {
        this.data = data;
        this.matrices = HashMap.newHashMap(plan.entries().size());
        for (PackingPlan.Entry entry : plan.entries()) {
            Tensor tensor = entry.tensor();
            matrices.put(tensor.name(), new PackedMatrix(tensor.name(), entry.layout(), tensor.rows(), tensor.cols(),
                    data.bytes().asSlice(entry.offset(), entry.bytes(), PackedData.ALIGNMENT)));
        }
    }

    /**
     * Maps the packed weights, or packs them. Takes about as long as reading the packed bytes once, or as packing them. Where
     * there is a file {@code SHA256SUMS} beside those of the weights, they are compared with it before.
     *
     * @param weights of a model whose files are still where they were opened
     * @throws ModelFormatException when a file has not its checksum, a matrix cannot be packed, or the files change meanwhile
     * @throws IllegalStateException caused by an InterruptedException, when this thread is interrupted
     */
    public static PackedWeights open(LlamaWeights weights, PackingOptions options) {
        return open(weights, options, LEAST_CACHED_BYTES);
    }

    /** Packs in memory, in this thread. */
    public static PackedWeights inMemory(LlamaWeights weights) {
        return open(weights, PackingOptions.inMemory(1));
    }

    static PackedWeights open(LlamaWeights weights, PackingOptions options, long leastCachedBytes) {
        SourceCheck.run(weights, options, leastCachedBytes);
        PackingPlan plan = PackingPlan.of(weights);
        Optional<Path> directory = options.cacheDirectory().filter(_ -> plan.bytes() >= leastCachedBytes);
        if (directory.isPresent()) {
            try {
                return new PackedWeights(plan, new WeightCache(directory.get(), weights, plan, options).map());
            } catch (IOException e) {
                warn(directory.get(), plan, e);
            }
        }
        return new PackedWeights(plan, pack(weights, plan, options));
    }

    /**
     * Checks and packs the weights where a later {@link #open} with the same options would have to, and maps nothing: for who
     * will run the model elsewhere and wants to show the progress here. Does nothing where there is no cache.
     *
     * @throws ModelFormatException when a file has not its checksum, a matrix cannot be packed, or the files change meanwhile
     * @throws IllegalStateException caused by an InterruptedException, when this thread is interrupted
     */
    public static void prepare(LlamaWeights weights, PackingOptions options) {
        if (options.cacheDirectory().isEmpty()) {
            return;
        }
        SourceCheck.run(weights, options, LEAST_CACHED_BYTES);
        PackingPlan plan = PackingPlan.of(weights);
        if (plan.bytes() >= LEAST_CACHED_BYTES) {
            Path directory = options.cacheDirectory().get();
            try {
                new WeightCache(directory, weights, plan, options).prepare();
            } catch (IOException e) {
                warn(directory, plan, e);
            }
        }
    }

    private static PackedData pack(LlamaWeights weights, PackingPlan plan, PackingOptions options) {
        Arena arena = Arena.ofShared();
        try {
            MemorySegment memory = arena.allocate(plan.bytes(), PackedData.ALIGNMENT);
            if (plan.bytes() > 0) {
                new Packer(weights, plan, options).run(new Packer.Target() {
                    @Override
                    public MemorySegment memory(Chunk chunk, int worker) {
                        return memory.asSlice(chunk.offset(), chunk.bytes());
                    }

                    @Override
                    public void packed(int index, Chunk chunk, MemorySegment packed) {}
                });
            }
            return PackedData.of(memory, arena);
        } catch (IOException e) {
            arena.close();
            throw new ModelFormatException(weights.path(), "file", "cannot be read: " + e, e);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private static void warn(Path directory, PackingPlan plan, IOException problem) {
        Packer.checkInterrupt(Thread.currentThread());
        String reason = switch (problem) {
            case AccessDeniedException _ -> "permission denied";
            case FileSystemException e when e.getReason() != null -> e.getReason();
            default -> problem.getMessage();
        };
        LOG.warn(
                "Packed weights cannot be kept in {}: {}; they are packed in memory at every start. Set {} to a directory"
                        + " with {} MiB of room, or to {}",
                directory, reason, PackingOptions.SETTING,
                Math.ceilDiv(plan.bytes(), 1 << 20), PackingOptions.OFF);
    }

    /** The packed form of a matrix of the model; empty when its type stays in file layout. */
    public Optional<PackedMatrix> of(Tensor matrix) {
        return Optional.ofNullable(matrices.get(matrix.name()));
    }

    /** Bytes of all packed matrices. */
    public long bytes() {
        return data.bytes().byteSize();
    }

    /** Frees or unmaps them; no packed matrix may be used any more. */
    @Override
    public void close() {
        data.close();
    }
}
