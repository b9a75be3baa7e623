package io.millrace.job.plan;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What a task manager's machine can do at best, and the network between them. The names are those of its JSON.
 *
 * @param cores that compute
 * @param memoryGbPerSecond 10^9 bytes per second at which they read weights
 * @param fmaGflopPerSecond 10^9 operations per second of f32 multiply-adds, two each
 * @param networkGbPerSecond 10^9 bytes per second between two task managers
 * @param latencyMs from a record's being sent to its being received
 * @param shared whether all task managers run on this one machine, so that these are the limits of all of them together
 */
public record HardwareLimits(@JsonProperty("cores") int cores,
        @JsonProperty("memory_gb_per_s") double memoryGbPerSecond,
        @JsonProperty("fma_gflop_per_s") double fmaGflopPerSecond,
        @JsonProperty("network_gb_per_s") double networkGbPerSecond, @JsonProperty("latency_ms") double latencyMs,
        @JsonProperty("shared_machine") boolean shared) {}
