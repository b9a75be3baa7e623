package io.millrace.training.desk;

import java.util.Locale;

/** A language that the desk's customers write. */
public enum Language {
    EN("English"), DE("German"), FR("French"), IT("Italian"), PT("Portuguese"), HI("Hindi"), ES("Spanish"), TH("Thai");

    private final String englishName;

    Language(String englishName) {
        this.englishName = englishName;
    }

    /** ISO 639-1, lower case. */
    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** What system prompts call it. */
    public String englishName() {
        return englishName;
    }
}
