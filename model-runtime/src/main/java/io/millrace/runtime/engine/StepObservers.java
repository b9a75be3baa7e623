package io.millrace.runtime.engine;

import java.util.Arrays;
import java.util.stream.Stream;

/** Tells all of them. They come and go in any thread. */
final class StepObservers implements StepObserver {
    /** Replaced as a whole, so that telling them allocates nothing. */
    private volatile StepObserver[] observers = {};

    synchronized void add(StepObserver observer) {
        observers = Stream.concat(Arrays.stream(observers), Stream.of(observer)).toArray(StepObserver[]::new);
    }

    synchronized void remove(StepObserver observer) {
        observers = Arrays.stream(observers).filter(each -> each != observer).toArray(StepObserver[]::new);
    }

    @Override
    public void computed(int rows, int sequences, long nanos) {
        for (StepObserver observer : observers) {
            observer.computed(rows, sequences, nanos);
        }
    }

    @Override
    public void waited(long nanos) {
        for (StepObserver observer : observers) {
            observer.waited(nanos);
        }
    }

    @Override
    public void landed(long roundTripNanos, long shardNanos) {
        for (StepObserver observer : observers) {
            observer.landed(roundTripNanos, shardNanos);
        }
    }
}
