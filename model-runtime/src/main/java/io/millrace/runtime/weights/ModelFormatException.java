package io.millrace.runtime.weights;

import io.millrace.runtime.text.OneLine;
import java.nio.file.Path;

/**
 * A model file that cannot be used, told in one line: the file, the field or tensor, what is wrong with it. Thrown at the
 * border only; nothing behind it checks files again.
 */
public final class ModelFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ModelFormatException(Path file, String field, String problem) {
        super(message(file, field, problem));
    }

    public ModelFormatException(Path file, String field, String problem, Throwable cause) {
        super(message(file, field, problem), cause);
    }

    private static String message(Path file, String field, String problem) {
        return file + ": " + OneLine.of(field + ": " + problem);
    }
}
