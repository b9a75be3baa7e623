package io.millrace.training.desk;

/** What an answer is judged by; a row of the evaluation's table. */
public enum Criterion {
    /** One line, a JSON object of exactly the triage's fields. */
    JSON, CATEGORY, SENTIMENT, URGENCY, LANGUAGE, ORDER,
    /** The fact is given back, and no other one of its kind. */
    MEMORY,
    /** The right tool with the right arguments, and nothing else. */
    CALL,
    /** The tool's result is told. */
    RESULT,
    /** Language, tone, length and format are as the system prompt sets them. */
    STEERING,
    /** The desk says that it does not know. */
    REFUSAL
}
