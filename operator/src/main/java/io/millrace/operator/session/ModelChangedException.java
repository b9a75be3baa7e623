package io.millrace.operator.session;

import org.apache.flink.runtime.throwable.ThrowableAnnotation;
import org.apache.flink.runtime.throwable.ThrowableType;

/** The restored sessions are another model's, which nobody permitted. The job fails without being started again. */
@ThrowableAnnotation(ThrowableType.NonRecoverableError)
final class ModelChangedException extends Exception {
    private static final long serialVersionUID = 1L;

    ModelChangedException(String message) {
        super(message);
    }
}
