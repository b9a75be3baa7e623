package io.millrace.operator.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.millrace.operator.session.EngineInbox.Report;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.util.function.ThrowingRunnable;
import org.junit.jupiter.api.Test;

class EngineInboxTest {
    private final Deque<ThrowingRunnable<? extends Exception>> mails = new ArrayDeque<>();
    private final List<Report> read = new ArrayList<>();
    private boolean closed;
    private final EngineInbox inbox = new EngineInbox(new Mailbox(), EngineInbox.REPORTS_PER_MAIL, read::add);

    private final class Mailbox implements MailboxExecutor {
        @Override
        public void execute(MailOptions options, ThrowingRunnable<? extends Exception> command, String description,
                Object... arguments) {
            if (closed) {
                throw new RejectedExecutionException("closed");
            }
            mails.add(command);
        }

        @Override
        public void yield() {
            throw new AssertionError("the inbox never waits");
        }

        @Override
        public boolean tryYield() {
            throw new AssertionError("the inbox never waits");
        }

        @Override
        public boolean shouldInterrupt() {
            return false;
        }
    }

    private static Report report() {
        return new Report.Failure(new IllegalStateException());
    }

    private void put(int count) {
        for (int i = 0; i < count; i++) {
            inbox.put(report());
        }
    }

    @Test
    void manyReportsAreReadInOneMail() throws Exception {
        put(5);
        assertThat(mails).hasSize(1);
        mails.remove().run();
        assertThat(read).hasSize(5);
        assertThat(mails).isEmpty();
        put(1);
        assertThat(mails).hasSize(1);
    }

    @Test
    void aMailReadsALimitedNumberAndLeavesTheRestToTheNext() throws Exception {
        put(300);
        mails.remove().run();
        int first = read.size();
        assertThat(first).isBetween(1, 299);
        while (!mails.isEmpty()) {
            mails.remove().run();
        }
        assertThat(read).hasSize(300);
    }

    @Test
    void reportsToAClosedMailboxAreDropped() {
        closed = true;
        assertThatCode(() -> put(2)).doesNotThrowAnyException();
        assertThat(read).isEmpty();
    }
}
