package io.millrace.runtime.weights;

import java.nio.file.Path;

/**
 * A model file that cannot be used, told in one line: the file, the field or tensor, what is wrong with it. Thrown at the
 * border only; nothing behind it checks files again.
 */
public final class ModelFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ModelFormatException(Path file, String field, String problem) {
        super(file + ": " + field + ": " + problem);
    }

    public ModelFormatException(Path file, String field, String problem, Throwable cause) {
        super(file + ": " + field + ": " + problem, cause);
    }
}
