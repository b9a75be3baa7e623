package io.millrace.job.bench;

import io.millrace.runtime.kernels.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The loops that {@link MachineLimits} are measured with; apart from them, since a JVM may be without the Vector API. */
final class PeakLoops {
    private static final long TRY_NANOS = 30_000_000;
    private static final long LEAST_NANOS = 1_000_000_000;
    private static final long STEADY_NANOS = 500_000_000;
    private static final double BETTER = 1.05;
    /** Large enough for the hardware to prefetch, small enough to share the work evenly. */
    private static final long SLICE = 1 << 20;
    /** Slices are read in steps of 4 vectors, and their lengths are multiples of it. */
    private static final long STEP = 4L * LongVector.SPECIES_512.vectorByteSize();
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final int FMA_ROUNDS = 20_000;
    /** Independent sums, so that no multiply-add waits for the one before it. */
    private static final int SUMS = 12;
    private static final int FMA_TASKS_PER_THREAD = 4;

    private PeakLoops() {}

    static MachineLimits measure(List<MemorySegment> weights, WorkerPool workers) {
        List<MemorySegment> slices = slices(weights);
        double bytes = slices.stream().mapToLong(MemorySegment::byteSize).sum();
        // What the loops compute is kept, or the compiler would leave them out.
        long[] read = new long[slices.size()];
        double memory = best(() -> workers.run(slices.size(), (task, _) -> read[task] = read(slices.get(task))), bytes);

        int tasks = workers.threads() * FMA_TASKS_PER_THREAD;
        float[] sums = new float[tasks];
        double fma = best(() -> workers.run(tasks, (task, _) -> sums[task] = multiplyAdd(task)),
                2.0 * tasks * FMA_ROUNDS * SUMS * FLOATS.length());
        return new MachineLimits(memory / 1e9, fma / 1e9);
    }

    /**
     * Units per second of the fastest try. Goes on until none was better for a while: the first ones run before the compiler is
     * done with these loops, and with what was hot before them.
     */
    private static double best(Runnable pass, double unitsPerPass) {
        long start = System.nanoTime();
        long improved = start;
        double best = 0;
        while (System.nanoTime() - start < LEAST_NANOS || System.nanoTime() - improved < STEADY_NANOS) {
            double rate = passesPerSecond(pass, TRY_NANOS);
            if (rate > best * BETTER) {
                improved = System.nanoTime();
            }
            best = Math.max(best, rate);
        }
        return best * unitsPerPass;
    }

    private static double passesPerSecond(Runnable pass, long atLeastNanos) {
        long start = System.nanoTime();
        long passes = 0;
        long taken = 0;
        while (taken < atLeastNanos) {
            pass.run();
            passes++;
            taken = System.nanoTime() - start;
        }
        return passes * 1e9 / taken;
    }

    private static List<MemorySegment> slices(List<MemorySegment> weights) {
        List<MemorySegment> slices = new ArrayList<>();
        for (MemorySegment data : weights) {
            long end = data.byteSize() - data.byteSize() % STEP;
            for (long at = 0; at < end; at += SLICE) {
                slices.add(data.asSlice(at, Math.min(SLICE, end - at)));
            }
        }
        return slices;
    }

    private static long read(MemorySegment data) {
        int length = LONGS.vectorByteSize();
        LongVector a = LongVector.zero(LONGS);
        LongVector b = a;
        LongVector c = a;
        LongVector d = a;
        for (long at = 0; at < data.byteSize(); at += 4L * length) {
            a = a.add(LongVector.fromMemorySegment(LONGS, data, at, ByteOrder.LITTLE_ENDIAN));
            b = b.add(LongVector.fromMemorySegment(LONGS, data, at + length, ByteOrder.LITTLE_ENDIAN));
            c = c.add(LongVector.fromMemorySegment(LONGS, data, at + 2L * length, ByteOrder.LITTLE_ENDIAN));
            d = d.add(LongVector.fromMemorySegment(LONGS, data, at + 3L * length, ByteOrder.LITTLE_ENDIAN));
        }
        return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
    }

    /** {@link #SUMS} sums of {@link #FMA_ROUNDS} multiply-adds each, which tend to 1. */
    private static float multiplyAdd(float start) {
        FloatVector factor = FloatVector.broadcast(FLOATS, 0.75f);
        FloatVector addend = FloatVector.broadcast(FLOATS, 0.25f);
        FloatVector a = FloatVector.broadcast(FLOATS, start);
        FloatVector b = a.add(1);
        FloatVector c = a.add(2);
        FloatVector d = a.add(3);
        FloatVector e = a.add(4);
        FloatVector f = a.add(5);
        FloatVector g = a.add(6);
        FloatVector h = a.add(7);
        FloatVector i = a.add(8);
        FloatVector j = a.add(9);
        FloatVector k = a.add(10);
        FloatVector l = a.add(11);
        for (int round = 0; round < FMA_ROUNDS; round++) {
            a = a.fma(factor, addend);
            b = b.fma(factor, addend);
            c = c.fma(factor, addend);
            d = d.fma(factor, addend);
            e = e.fma(factor, addend);
            f = f.fma(factor, addend);
            g = g.fma(factor, addend);
            h = h.fma(factor, addend);
            i = i.fma(factor, addend);
            j = j.fma(factor, addend);
            k = k.fma(factor, addend);
            l = l.fma(factor, addend);
        }
        return a.add(b).add(c).add(d).add(e.add(f).add(g).add(h)).add(i.add(j).add(k).add(l))
                .reduceLanes(VectorOperators.ADD);
    }
}
