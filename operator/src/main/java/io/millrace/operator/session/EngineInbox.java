package io.millrace.operator.session;

import io.millrace.runtime.engine.GenerationStep;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings what the engine reports from its thread to the task thread. Many reports are read in one mail, so that a step of
 * the engine over many sequences costs the mailbox one mail and not one each.
 */
final class EngineInbox {
    private static final Logger LOG = LoggerFactory.getLogger(EngineInbox.class);

    /** What the engine has to say. */
    sealed interface Report {
        /** A step of a turn. */
        record Step(Residency residency, GenerationStep step) implements Report {}

        /** The arena is short and this idle session should leave it. */
        record Eviction(Residency residency) implements Report {}

        /** Another shard lacks what state has of this session's positions. */
        record Lost(Residency residency) implements Report {}

        /** The engine died. */
        record Failure(Throwable cause) implements Report {}
    }

    /** Reads reports in the task thread; what it throws fails the task. */
    @FunctionalInterface
    interface Reader {
        void read(Report report) throws Exception;
    }

    /** Then other mails have their turn: a checkpoint does not wait until nothing is left to read. */
    static final int REPORTS_PER_MAIL = 128;

    private final Queue<Report> reports = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean mailed = new AtomicBoolean();
    private final MailboxExecutor mailbox;
    private final int reportsPerMail;
    private final Reader reader;

    /** @param reportsPerMail at most so many are read in a mail, {@link #REPORTS_PER_MAIL} unless a test wants to see each */
    EngineInbox(MailboxExecutor mailbox, int reportsPerMail, Reader reader) {
        this.mailbox = mailbox;
        this.reportsPerMail = reportsPerMail;
        this.reader = reader;
    }

    /** Any thread. */
    void put(Report report) {
        reports.add(report);
        if (mailed.compareAndSet(false, true)) {
            mail();
        }
    }

    private void mail() {
        try {
            mailbox.execute(this::drain, "Read what the inference engine reports");
        } catch (RejectedExecutionException e) {
            // The task is closing. What is not read now is computed again from the last checkpoint, to the same tokens.
            LOG.debug("The mailbox is closed; reports of the engine are dropped", e);
        }
    }

    private void drain() throws Exception {
        // Before reading: a report that comes after the last one read must find that it has to send a mail.
        mailed.set(false);
        for (int i = 0; i < reportsPerMail; i++) {
            Report report = reports.poll();
            if (report == null) {
                return;
            }
            reader.read(report);
        }
        if (mailed.compareAndSet(false, true)) {
            mail();
        }
    }
}
