/** The files under {@code deploy}, checked against what they are for and against the code that they run. */
@NullMarked
package io.millrace.job.deploy;

import org.jspecify.annotations.NullMarked;
