package io.millrace.runtime.kernels;

/** Memory in which a thread's kernels keep what they have half done. One thread at a time; nothing in it outlives a call. */
public final class KernelScratch {
    final float[] floats = new float[Math.max(MultiplyTiling.SCRATCH, PackedTiling.SCRATCH)];
    final short[] shorts = new short[PackedTiling.SHORT_SCRATCH];
    /** A block of activations that are being rounded. */
    final int[] rounded = new int[Activations.BLOCK];
}
