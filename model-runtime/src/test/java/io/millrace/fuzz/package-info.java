/**
 * Fuzzing: properties that must hold for whatever bytes come from outside. Each target is a test beside the reader it tests;
 * what is here runs them, in every build on kept and on random inputs, and on demand under a coverage-guided fuzzer.
 */
@NullMarked
package io.millrace.fuzz;

import org.jspecify.annotations.NullMarked;
