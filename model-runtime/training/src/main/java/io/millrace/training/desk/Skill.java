package io.millrace.training.desk;

/** What the desk's model can do. Each dialogue has one skill, by which the evaluation counts it. */
public enum Skill {
    /** A customer's message becomes one line of JSON. */
    TRIAGE,
    /** A fact told some turns ago is given back. */
    MEMORY,
    /** A tool is called, and its result is told. */
    TOOLS,
    /** The same with tools whose names, parameters and topics training never saw. */
    NEW_TOOLS,
    /** The system prompt sets language, tone, length and format of the reply. */
    STEERING,
    /** What nobody said is not made up. */
    REFUSAL
}
