package io.millrace.runtime.packing;

import java.io.IOException;

/** A file of packed weights that is not as it was written; the message says where. */
final class DamagedCacheException extends IOException {
    private static final long serialVersionUID = 1L;

    DamagedCacheException(String problem) {
        super(problem);
    }
}
