package io.millrace.job;

/** What lies at the bottom of a chain of exceptions, for a person to read. */
public final class RootCause {
    private RootCause() {}

    /** The innermost cause's message in one line; its class where it has none. */
    public static String message(Throwable e) {
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String message = root.getMessage();
        return message == null || message.isBlank()
                ? root.getClass().getSimpleName()
                : message.strip().replaceAll("\\s+", " ");
    }
}
