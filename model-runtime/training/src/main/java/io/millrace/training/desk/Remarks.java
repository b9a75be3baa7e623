package io.millrace.training.desk;

import java.util.List;

/**
 * Sentences that belong to no category, in one language.
 *
 * @param distractor a customer's, with numbers that are no orders
 * @param noted the desk's, when it was told a fact
 */
record Remarks(Split<Template> distractor, List<Template> noted) {}
