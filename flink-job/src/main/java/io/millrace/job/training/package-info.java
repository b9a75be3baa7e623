/** What the streaming job does for training: {@link io.millrace.job.training.JobCandidates} lets a model answer prompts from Kafka. */
@NullMarked
package io.millrace.job.training;

import org.jspecify.annotations.NullMarked;
