package io.millrace.job.cli;

/**
 * What the user gave cannot be used: an option, a file, a line of standard input. Told in one line that names it and says
 * what to do.
 */
final class InvalidInput extends RuntimeException {
    private static final long serialVersionUID = 1L;

    InvalidInput(String message) {
        super(message);
    }

    InvalidInput(String message, Throwable cause) {
        super(message, cause);
    }
}
