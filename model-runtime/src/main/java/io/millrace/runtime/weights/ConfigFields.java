package io.millrace.runtime.weights;

/** The fields of a model's configuration, whatever the format; every getter throws an error that names file and field. */
interface ConfigFields {

    boolean has(String key);

    /** The integer of a key that must be there. */
    int integer(String key);

    /** The number, integer or not, of a key that must be there. */
    float number(String key);

    /** An error about a field. */
    ModelFormatException error(String key, String problem);
}
