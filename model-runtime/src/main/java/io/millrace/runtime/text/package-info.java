/** Text that people read. */
@NullMarked
package io.millrace.runtime.text;

import org.jspecify.annotations.NullMarked;
