package io.millrace.job.plan;

/**
 * Where the shards can go: {@code count} equal task managers.
 *
 * @param memoryBytes of each, for everything: weights that are mapped, KV cache, and the process
 */
public record TaskManagers(int count, long memoryBytes) {
    public TaskManagers {
        if (count < 1 || memoryBytes < 1) {
            throw new IllegalArgumentException(count + " task managers of " + memoryBytes + " bytes");
        }
    }
}
