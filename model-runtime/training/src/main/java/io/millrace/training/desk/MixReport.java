package io.millrace.training.desk;

import java.util.Map;

/**
 * What a stream of dialogues is made of.
 *
 * @param kept how many dialogues were counted
 * @param skills dialogues by skill
 * @param languages dialogues by language
 * @param dropped dialogues that curation dropped, by the reason's name in lower case
 */
public record MixReport(int kept, Map<Skill, Integer> skills, Map<Language, Integer> languages,
        Map<String, Integer> dropped) {}
