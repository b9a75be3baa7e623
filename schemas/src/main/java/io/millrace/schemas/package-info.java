/**
 * The event contracts: records generated from the Avro schemas in {@code src/main/avro}, which document every field.
 *
 * <p>
 * A schema may grow by fields with a default, never lose or retype one, so that old readers and new writers meet. The field
 * property {@code json} says how a field looks in JSON where that differs from its Avro type:
 * <ul>
 * <li>{@code value}: any JSON value, held as its JSON text;
 * <li>{@code value-or-string}: a JSON string is held as it is, any other value as its JSON text;
 * <li>{@code text}: a string; any other value is accepted and held as its JSON text;
 * <li>{@code text-or-parts}: a string, or an array of {@code {"type":"text","text":...}} that are joined;
 * <li>{@code one-or-many}: an array, or its only element;
 * <li>{@code saturate}: an integer beyond the type's range becomes the nearest value of the range.
 * </ul>
 */
package io.millrace.schemas;
