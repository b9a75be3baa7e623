package io.millrace.job.plan;

import java.util.List;

/** Where the shards go, or why they do not fit. */
public sealed interface Plan {

    /**
     * Equal pipelines side by side; the sessions are spread over them.
     *
     * @param pipelines how many: the job's parallelism
     * @param idle task managers that are left over
     * @param sessions of a pipeline, at most
     * @param batch sessions of a pipeline that decode at the same time, at most; no more than a pass has rows
     */
    record Deployment(Pipeline pipeline, int pipelines, int idle, int sessions, int batch) implements Plan {
        /** Shards of a pipeline. */
        public int shards() {
            return pipeline.split().shards();
        }
    }

    /**
     * Not enough memory, or too few task managers.
     *
     * @param closest the pipeline that lacks least memory per task manager
     * @param pipelines how many of them there would be; 0 when not even one has its task managers
     * @param sessions of each, at most
     * @param remedies each of them alone makes it fit; none when nothing does
     */
    record Shortage(Pipeline closest, int pipelines, int sessions, List<Remedy> remedies) implements Plan {
        public Shortage {
            remedies = List.copyOf(remedies);
        }
    }

    /** One change with which a plan fits. */
    sealed interface Remedy {
        /** More task managers of the same memory: so many in all. */
        record MoreTaskManagers(int count) implements Remedy {}

        /** As many task managers with more memory: so much each, a multiple of a GiB. */
        record MoreMemory(long bytes) implements Remedy {}

        /** Shorter sessions. */
        record ShorterContext(int tokens) implements Remedy {}

        /** Fewer sessions in memory at the same time. */
        record FewerSessions(int sessions) implements Remedy {}
    }
}
