/**
 * What the model learns: dialogues of a shop's support desk in eight languages, generated from phrase files, with what a right
 * answer is. Training and held-out phrases, names, products and numbers are disjoint.
 */
@NullMarked
package io.millrace.training.desk;

import org.jspecify.annotations.NullMarked;
