/**
 * Quantized matrices in the layout that the kernels read: 64 rows side by side, so that a vector lane is a row. Made once
 * from the file layout, never changed afterwards. {@link io.millrace.runtime.packing.PackedLayout} says where each number
 * lies, {@link io.millrace.runtime.packing.Packing} puts it there. Before a model's files are packed they are compared with
 * their checksums, where there are some.
 */
@NullMarked
package io.millrace.runtime.packing;

import org.jspecify.annotations.NullMarked;
