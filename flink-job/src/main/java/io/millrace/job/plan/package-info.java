/**
 * Plans where a model's layers go before anything is loaded: {@link io.millrace.job.plan.Planner} finds the fewest shards that
 * the task managers' memory holds, {@link io.millrace.job.plan.Predictor} how fast they will be. Pure functions of a model's
 * shape, what is asked of it and what the machines can do; {@code millrace plan} reads and prints.
 */
@NullMarked
package io.millrace.job.plan;

import org.jspecify.annotations.NullMarked;
