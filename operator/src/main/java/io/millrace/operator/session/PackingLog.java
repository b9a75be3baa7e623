package io.millrace.operator.session;

import io.millrace.runtime.packing.PackingListener;
import java.nio.file.Path;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes to the log, from time to time, how far the packing of a model's weights is. */
final class PackingLog implements PackingListener {
    private static final Logger LOG = LoggerFactory.getLogger(PackingLog.class);
    private static final Duration INTERVAL = Duration.ofSeconds(5);

    private final Path model;
    private long started;
    private long told;

    PackingLog(Path model) {
        this.model = model;
    }

    @Override
    public void packed(long done, long total) {
        long now = System.nanoTime();
        if (done == 0) {
            started = now;
            told = now;
            LOG.info("Packing the weights of {}, {} MiB, which is done once per machine where they can be cached",
                    model,
                    total >> 20);
        } else if (done == total) {
            LOG.info("Packed the weights of {} in {} s", model, Duration.ofNanos(now - started).toSeconds());
        } else if (now - told > INTERVAL.toNanos()) {
            told = now;
            LOG.info("Packed {} of {} MiB of the weights of {}", done >> 20, total >> 20, model);
        }
    }

    @Override
    public void waiting() {
        LOG.info("Waiting for another process that packs the weights of {}", model);
    }
}
