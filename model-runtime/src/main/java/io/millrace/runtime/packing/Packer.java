package io.millrace.runtime.packing;

import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.packing.PackingPlan.Chunk;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.ModelFormatException;
import io.millrace.runtime.weights.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Packs all matrices of a model, chunk by chunk, on several threads. */
final class Packer {
    private final LlamaWeights weights;
    private final PackingPlan plan;
    private final PackingOptions options;

    /** Where chunks go; threads call it at the same time, each with a worker number of its own. */
    interface Target {
        /** Memory of the chunk's size to pack it into. */
        MemorySegment memory(Chunk chunk, int worker);

        /** The chunk of this index is in its memory. */
        void packed(int index, Chunk chunk, MemorySegment packed) throws IOException;
    }

    /** @param weights give the files; their mapping is not touched */
    Packer(LlamaWeights weights, PackingPlan plan, PackingOptions options) {
        this.weights = weights;
        this.plan = plan;
        this.options = options;
    }

    /**
     * Packs everything. The files are mapped once more for it and only until it is done, so that their pages do not stay with
     * the process beside those of the packed form.
     *
     * @throws ModelFormatException when a matrix cannot be packed, or the files are no longer those that were opened
     * @throws IOException that the target threw
     * @throws IllegalStateException caused by an InterruptedException, when this thread is interrupted
     */
    void run(Target target) throws IOException {
        checkInterrupt(Thread.currentThread());
        String before = SourceFiles.stamp(weights);
        try (LlamaWeights source = LlamaWeights.open(weights.path(), _ -> weights.range());
                WorkerPool workers = new WorkerPool(options.threads())) {
            if (source.fingerprint().equals(weights.fingerprint())) {
                new Run(source, target, Thread.currentThread()).on(workers);
            }
            if (!source.fingerprint().equals(weights.fingerprint()) || !before.equals(SourceFiles.stamp(weights))) {
                throw new ModelFormatException(weights.path(), "file",
                        "was changed while it was being packed; start again when it is complete");
            }
        }
    }

    /** Throws when {@code thread} is interrupted, which it stays: somebody wants it to end. */
    static void checkInterrupt(Thread thread) {
        if (thread.isInterrupted()) {
            throw new IllegalStateException("interrupted while weights were loaded", new InterruptedException());
        }
    }

    private final class Run {
        private final Map<String, Tensor> tensors;
        private final Target target;
        private final Thread caller;
        private final AtomicBoolean failed = new AtomicBoolean();
        private long done;

        Run(LlamaWeights source, Target target, Thread caller) {
            this.tensors = source.tensors().stream().collect(Collectors.toMap(Tensor::name, Function.identity()));
            this.target = target;
            this.caller = caller;
        }

        void on(WorkerPool workers) throws IOException {
            advance(0);
            try {
                workers.run(plan.chunks().size(), this::pack);
            } catch (UncheckedIOException e) {
                checkInterrupt(caller);
                throw e.getCause();
            }
        }

        private void pack(int index, int worker) {
            if (failed.get()) {
                return; // The pool runs all tasks; the first failure is the one that counts.
            }
            try {
                checkInterrupt(caller);
                Chunk chunk = plan.chunks().get(index);
                MemorySegment memory = target.memory(chunk, worker);
                Tensor tensor = Objects.requireNonNull(tensors.get(chunk.entry().tensor().name()));
                long tileBytes = chunk.entry().tileBytes();
                for (int i = 0; i < chunk.tiles(); i++) {
                    packTile(tensor, chunk.firstTile() + i, memory.asSlice(i * tileBytes, tileBytes));
                }
                target.packed(index, chunk, memory);
                advance(chunk.bytes());
            } catch (IOException e) {
                failed.set(true);
                throw new UncheckedIOException(e);
            } catch (RuntimeException | Error e) {
                failed.set(true);
                throw e;
            }
        }

        private void packTile(Tensor tensor, int tile, MemorySegment memory) {
            try {
                Packing.pack(tensor, tile, memory);
            } catch (IllegalArgumentException e) {
                throw new ModelFormatException(weights.path(), "weights", String.valueOf(e.getMessage()), e);
            }
        }

        private synchronized void advance(long bytes) {
            done += bytes;
            options.listener().advanced(LoadingListener.Step.PACKING, done, plan.bytes());
        }
    }
}
