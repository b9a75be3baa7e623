package io.millrace.runtime.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerPoolTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void runsEveryTaskOnceAndReturnsWhenAllAreDone(int threads) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            for (int tasks = 0; tasks < 300; tasks++) {
                AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
                pool.run(tasks, (index, worker) -> runs.incrementAndGet(index));
                for (int i = 0; i < tasks; i++) {
                    assertThat(runs.get(i)).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void noTwoTasksRunWithTheSameWorkerAtOnce() {
        try (WorkerPool pool = new WorkerPool(3)) {
            AtomicIntegerArray running = new AtomicIntegerArray(pool.threads());
            AtomicInteger clashes = new AtomicInteger();
            pool.run(2_000, (index, worker) -> {
                clashes.addAndGet(running.getAndIncrement(worker));
                Thread.onSpinWait();
                running.decrementAndGet(worker);
            });
            assertThat(clashes).hasValue(0);
        }
    }

    @Test
    void writesOfTasksAndCallerAreSeenByTheOther() {
        try (WorkerPool pool = new WorkerPool(3)) {
            int[] values = new int[64];
            for (int round = 0; round < 20_000; round++) {
                pool.run(values.length, (index, worker) -> values[index]++);
            }
            assertThat(values).containsOnly(20_000);
        }
    }

    @Test
    void parkedWorkersWakeForTheNextRun() {
        try (WorkerPool pool = new WorkerPool(3)) {
            for (int round = 0; round < 5; round++) {
                LockSupport.parkNanos(5_000_000); // longer than workers spin
                AtomicInteger sum = new AtomicInteger();
                pool.run(100, (index, worker) -> sum.addAndGet(index));
                assertThat(sum).hasValue(4950);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void rethrowsWhatATaskThrewAndStaysUsable(int threads) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            for (int failing : new int[]{0, 50, 99}) {
                assertThatThrownBy(() -> pool.run(100, (index, worker) -> {
                    if (index == failing) {
                        throw new IllegalArgumentException("task " + index);
                    }
                })).isInstanceOf(IllegalArgumentException.class).hasMessage("task " + failing);
                AtomicInteger done = new AtomicInteger();
                pool.run(100, (index, worker) -> done.incrementAndGet());
                assertThat(done).hasValue(100);
            }
        }
    }

    @Test
    void refusesZeroThreadsAndRunsAfterClose() {
        assertThatIllegalArgumentException().isThrownBy(() -> new WorkerPool(0)).withMessageContaining("at least 1");
        WorkerPool pool = new WorkerPool(2);
        pool.close();
        assertThatIllegalStateException().isThrownBy(() -> pool.run(2, (index, worker) -> {}));
    }
}
