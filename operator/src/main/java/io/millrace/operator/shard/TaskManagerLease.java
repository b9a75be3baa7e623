package io.millrace.operator.shard;

import java.util.UUID;
import org.apache.flink.runtime.memory.SharedResources;

/**
 * A share in something that a task manager has once: the first lease makes it, the last one closes it; slots and a restart that
 * overlaps share it.
 */
public final class TaskManagerLease<T extends AutoCloseable> {
    /**
     * Flink keeps the shared resources beyond class loaders. A class that another loader defined cannot be used here, so a
     * lease is shared only within this one.
     */
    private static final String LOADER = UUID.randomUUID().toString();

    private final SharedResources resources;
    private final String name;
    private final T resource;

    /** Makes what is leased; throws what keeps it from being made. */
    @FunctionalInterface
    public interface Opening<T> {
        T open() throws Exception;
    }

    private TaskManagerLease(SharedResources resources, String name, Opening<T> opening) throws Exception {
        this.resources = resources;
        this.name = "millrace|" + LOADER + "|" + name;
        this.resource = resources.<T>getOrAllocateSharedResource(this.name, this, _ -> opening.open(), 0)
                .resourceHandle();
    }

    /**
     * Takes a share; opens the resource if this is the first.
     *
     * @param name two leases of the same name share the same resource
     */
    public static <T extends AutoCloseable> TaskManagerLease<T> acquire(SharedResources resources, String name,
            Opening<T> opening) throws Exception {
        return new TaskManagerLease<>(resources, name, opening);
    }

    /** What is leased; valid until {@link #release}. */
    public T resource() {
        return resource;
    }

    /** Gives the share back, once. */
    public void release() throws Exception {
        resources.release(name, this, _ -> {});
    }
}
