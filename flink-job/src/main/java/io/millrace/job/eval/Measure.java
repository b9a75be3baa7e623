package io.millrace.job.eval;

import io.millrace.training.desk.Criterion;
import io.millrace.training.desk.Skill;

/** A row of the evaluation: what is counted, and the share of right answers that is wanted of it. */
public enum Measure {
    JSON("valid JSON", 99, true), CATEGORY("category", 95, true), SENTIMENT("sentiment", 90, true),
    URGENCY("urgency", Measure.NO_BAR, true), LANGUAGE("language", 98, true), ORDER("order number", 95, true),
    /** A fact that was told two or more turns before. */
    MEMORY("memory over turns", 90, false), TOOLS("tool and arguments", 95, false),
    /** The same with tools whose names and parameters training never saw. */
    NEW_TOOLS("the same, new tools", 80, false), RESULT("tool's result used", Measure.NO_BAR, false),
    STEERING("steering obeyed", 90, false), REFUSAL("refusal to guess", 90, false);

    /** Of a measure that is only told. */
    static final int NO_BAR = 0;

    private final String title;
    private final int bar;
    private final boolean perLanguage;

    Measure(String title, int bar, boolean perLanguage) {
        this.title = title;
        this.bar = bar;
        this.perLanguage = perLanguage;
    }

    /** Where an answer's mark counts. */
    static Measure of(Skill skill, Criterion criterion) {
        return switch (criterion) {
            case JSON -> JSON;
            case CATEGORY -> CATEGORY;
            case SENTIMENT -> SENTIMENT;
            case URGENCY -> URGENCY;
            case LANGUAGE -> LANGUAGE;
            case ORDER -> ORDER;
            case MEMORY -> MEMORY;
            case CALL -> skill == Skill.NEW_TOOLS ? NEW_TOOLS : TOOLS;
            case RESULT -> RESULT;
            case STEERING -> STEERING;
            case REFUSAL -> REFUSAL;
        };
    }

    /** Its name in the table. */
    public String title() {
        return title;
    }

    /** Percent of right answers that is wanted, or {@link #NO_BAR}. */
    public int bar() {
        return bar;
    }

    /** Whether the bar is for each language, not only for all together. */
    public boolean perLanguage() {
        return perLanguage;
    }
}
