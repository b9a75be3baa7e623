/**
 * A training run: its stages one after the other, its directory, its checkpoints, its curves, the file it makes.
 */
@NullMarked
package io.millrace.training.run;

import org.jspecify.annotations.NullMarked;
