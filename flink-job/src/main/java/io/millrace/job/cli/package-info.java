/**
 * The command line: a class per verb, which reads options, runs one thing and prints. Data goes to standard output,
 * everything else to standard error; exit code 0 is success, 1 a failure, 2 a mistake in the call, in what it reads or in a
 * model file.
 */
@NullMarked
package io.millrace.job.cli;

import org.jspecify.annotations.NullMarked;
