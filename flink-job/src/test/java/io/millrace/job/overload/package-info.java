/**
 * A job that is sent many times what it can answer: {@link io.millrace.job.overload.OverloadRun} floods a real broker and
 * watches memory, checkpoints and answers.
 */
@NullMarked
package io.millrace.job.overload;

import org.jspecify.annotations.NullMarked;
