package io.millrace.job.chaos;

import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What is asked: a function of the seed alone, so that two runs ask the same. All conversations begin with the same system
 * prompt; every other one is greedy, the rest draw with seeds of their own.
 *
 * @param maxTokens a turn's answer is at least a quarter of this long unless it ends by itself, and at most this long
 */
record Script(long seed, int conversations, int turns, int maxTokens) {
    private static final String SYSTEM = "You keep the books of a mill at the river. Answer shortly and kindly, and name the day "
            + "and the sack that you speak of. When you do not know, say so.";
    private static final List<String> WORDS = List.of("the", "mill", "river", "stone", "flour", "wheel", "water",
            "sack",
            "barley", "morning", "why", "when", "how", "many", "old", "slow", "turns", "grinds", "my", "order", "late",
            "Käse", "naïve", "水車", "42", "coffee", "beans", "and", "a", "?");
    /** Words that a model with the sample's vocabulary says now and then. */
    private static final List<String> STOPS = List.of(" mill", "river", "Once", "village", "beans");

    int prompts() {
        return conversations * turns;
    }

    static String requestId(int conversation, int turn) {
        return "c" + conversation + "-" + turn;
    }

    /** @param turn from 1 */
    PromptEvent prompt(int conversation, int turn) {
        Random random = random(conversation, turn);
        List<Message> messages = new ArrayList<>();
        if (turn == 1) {
            messages.add(message("system", SYSTEM));
        }
        messages.add(message("user", words(random)));
        boolean greedy = conversation % 2 == 0;
        PromptEvent.Builder prompt = PromptEvent.newBuilder().setId(requestId(conversation, turn))
                .setConversationId("c" + conversation).setTurn(turn).setMessages(messages)
                .setTemperature(greedy ? 0.0 : 0.8).setSeed(random.nextLong())
                .setMaxCompletionTokens(random.nextInt(Math.max(1, maxTokens / 4), maxTokens + 1))
                .setStream(random.nextInt(4) != 0);
        if (random.nextInt(3) == 0) {
            prompt.setLogprobs(true).setTopLogprobs(2);
        }
        if (random.nextInt(4) == 0) {
            prompt.setStop(List.of(STOPS.get(random.nextInt(STOPS.size()))));
        }
        return prompt.build();
    }

    /** Whether the prompt is sent a second time, as by a producer that did not hear of its success. */
    boolean isSentTwice(int conversation, int turn) {
        return random(conversation, -turn).nextInt(8) == 0;
    }

    /** Prompts that are. */
    long sentTwice() {
        return IntStream.range(0, prompts()).filter(i -> isSentTwice(i / turns, i % turns + 1)).count();
    }

    private Random random(int conversation, int turn) {
        return new Random((seed * 1_000_003 + conversation) * 1_009 + turn);
    }

    private static String words(Random random) {
        return random.ints(random.nextInt(6, 30), 0, WORDS.size()).mapToObj(WORDS::get)
                .collect(Collectors.joining(" "));
    }

    private static Message message(String role, String content) {
        return Message.newBuilder().setRole(role).setContent(content).build();
    }
}
