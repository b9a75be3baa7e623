package io.millrace.job.embedded;

/** The embedded cluster or its job did not come up. The message says why in one line. */
public final class EmbeddedClusterException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    EmbeddedClusterException(String message) {
        super(message);
    }

    EmbeddedClusterException(String message, Throwable cause) {
        super(message, cause);
    }
}
