package io.millrace.operator.shard;

import io.millrace.runtime.packing.LoadingListener;
import java.nio.file.Path;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes to the log, from time to time, how far the loading of a model's weights is. */
final class LoadingLog implements LoadingListener {
    private static final Logger LOG = LoggerFactory.getLogger(LoadingLog.class);
    private static final Duration INTERVAL = Duration.ofSeconds(5);

    private final Path model;
    private long started;
    private long told;

    LoadingLog(Path model) {
        this.model = model;
    }

    @Override
    public void advanced(Step step, long done, long total) {
        String work = switch (step) {
            case CHECKING -> "Checking the files of";
            case PACKING -> "Packing the weights of";
        };
        long now = System.nanoTime();
        if (done == 0) {
            started = now;
            told = now;
            LOG.info("{} {}, {} MiB, which is done once per machine where there is a cache", work, model, total >> 20);
        } else if (done == total) {
            LOG.info("{} {} took {} s", work, model, Duration.ofNanos(now - started).toSeconds());
        } else if (now - told > INTERVAL.toNanos()) {
            told = now;
            LOG.info("{} {}: {} of {} MiB are done", work, model, done >> 20, total >> 20);
        }
    }

    @Override
    public void waiting() {
        LOG.info("Waiting for another process that packs the weights of {}", model);
    }
}
