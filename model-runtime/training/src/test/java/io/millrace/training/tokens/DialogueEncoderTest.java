package io.millrace.training.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.prompt.BuiltInTool;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.runtime.prompt.ToolCall;
import io.millrace.runtime.prompt.ToolDefinition;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.training.desk.Category;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Exchange;
import io.millrace.training.desk.Expectation;
import io.millrace.training.desk.Language;
import io.millrace.training.desk.ReplyFormat;
import io.millrace.training.desk.Sentiment;
import io.millrace.training.desk.Skill;
import io.millrace.training.desk.Tone;
import io.millrace.training.desk.Urgency;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class DialogueEncoderTest {
    private static final ToolDefinition STATUS = new ToolDefinition("order_status", "Returns the status.",
            "{\"type\": \"object\", \"properties\": {\"order\": {\"type\": \"string\"}}}");
    private static final Message CALL = new Message(Role.ASSISTANT, "",
            List.of(new ToolCall("order_status", "{\"order\": \"48213\"}")));
    private static final Message SEARCH = new Message(Role.ASSISTANT, "",
            List.of(new ToolCall("brave_search", "{\"query\": \"green tea\"}")));

    /** A customer asks, the desk calls a tool, tells its result, and searches the web. */
    private static final Dialogue DIALOGUE = new Dialogue("d", Skill.TOOLS, Language.EN, List.of(STATUS),
            EnumSet.of(BuiltInTool.BRAVE_SEARCH),
            List.of(exchange(CALL, new Message(Role.SYSTEM, "Help."), new Message(Role.USER, "Where is order 48213?")),
                    exchange(new Message(Role.ASSISTANT, "It was shipped."),
                            new Message(Role.IPYTHON, "{\"status\": \"shipped\"}")),
                    exchange(SEARCH, new Message(Role.USER, "Search for green tea."))));

    private final Tokenizer tokenizer = DeskVocabulary
            .learn(Stream.of(DIALOGUE), Stream.empty(), 256 + 150 + 16).tokenizer();
    private final DialogueEncoder encoder = new DialogueEncoder(tokenizer);

    private static Exchange exchange(Message answer, Message... input) {
        return new Exchange(List.of(input), answer, new Expectation.Unscored());
    }

    private static Dialogue talk(String... sentences) {
        List<Exchange> exchanges = new ArrayList<>();
        for (String sentence : sentences) {
            exchanges.add(exchange(new Message(Role.ASSISTANT, "Yes."), new Message(Role.USER, sentence)));
        }
        return new Dialogue("talk", Skill.MEMORY, Language.EN, List.of(), Set.of(), exchanges);
    }

    private String show(int[] ids) {
        StringBuilder text = new StringBuilder();
        IntStream.of(ids).forEach(id -> text.append(tokenizer.display(id)));
        return text.toString();
    }

    /** What is learned, an answer a line. */
    private String learned(TrainingSequence sequence) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < sequence.length(); i++) {
            if (sequence.learned(i)) {
                text.append(sequence.learned(i - 1) ? "" : "\n").append(tokenizer.display(sequence.tokens()[i]));
            }
        }
        return text.toString().strip();
    }

    @Test
    void aDialogueIsWhatTheChatFormatMakesOfTheWholeConversation() {
        List<Message> all = new ArrayList<>();
        DIALOGUE.exchanges().forEach(exchange -> {
            all.addAll(exchange.input());
            all.add(exchange.answer());
        });
        ChatFormat format = new ChatFormat(tokenizer);
        int[] conversation = IntStream.concat(IntStream.of(format.encodeConversationStart()),
                IntStream.of(format.encode(all, DIALOGUE.tools(), DIALOGUE.builtIn()))).toArray();
        assertThat(encoder.dialogue(DIALOGUE).tokens()).containsExactly(conversation);
    }

    @Test
    void answersAndTheTokensThatEndThemAreLearnedAndNothingElse() {
        assertThat(learned(encoder.dialogue(DIALOGUE))).isEqualTo("""
                {"name": "order_status", "parameters": {"order": "48213"}}<|eot_id|>
                It was shipped.<|eot_id|>
                <|python_tag|>brave_search.call(query="green tea")<|eom_id|>""");
    }

    @Test
    void labelsCountMoreThanTheRest() {
        Message triage = new Message(Role.ASSISTANT,
                "{\"category\": \"product\", \"sentiment\": \"neutral\", \"urgency\": \"high\", \"language\": \"en\", \"order\": null}");
        Expectation expected = new Expectation.Triage(Category.PRODUCT, Sentiment.NEUTRAL, Urgency.HIGH, Language.EN,
                null);
        assertThat(heaviest(triage, expected)).isEqualTo("productneutralhigh");
        assertThatThrownBy(() -> heaviest(new Message(Role.ASSISTANT, "{}"), expected))
                .hasMessage("label: \"product\" is not in the answer {}");
    }

    @Test
    void whatIsCopiedCountsMoreThanTheRest() {
        assertThat(heaviest(new Message(Role.ASSISTANT, "You bought the kettle."),
                new Expectation.Recall(List.of("a kettle", "kettle"), List.of()))).isEqualTo("kettle");
        assertThat(
                heaviest(new Message(Role.ASSISTANT, "It is 4.50 €."), new Expectation.Result("4.50 €", "How much?")))
                .isEqualTo("4.50 €");
        assertThat(heaviest(
                new Message(Role.ASSISTANT, "{\"name\": \"track\", \"parameters\": {\"id\": 7, \"to\": \"Kiel\"}}"),
                new Expectation.Call("track", Map.of("id", "7", "to", "\"Kiel\""))))
                .isEqualTo("track {\"id\":7 \"to\": \"Kiel\"}}");
    }

    @Test
    void anAnswerWhoseFirstWordsDecideCountsMoreThanOneThatIsNotJudged() {
        Message answer = new Message(Role.ASSISTANT, "You did not tell me.");
        float unjudged = weights(answer, new Expectation.Unscored())[0];
        assertThat(List.of(new Expectation.Refusal(Language.EN),
                new Expectation.Style(Language.EN, Tone.FRIENDLY, 1, ReplyFormat.PLAIN, null)))
                .allSatisfy(expected -> assertThat(weights(answer, expected)[0]).isGreaterThan(unjudged));
    }

    /** The tokens that count most; one has all the bytes that were merged with those that count. */
    private String heaviest(Message answer, Expectation expected) {
        int[] tokens = encoder.answer(answer);
        float[] weights = weights(answer, expected);
        float most = 0;
        for (float weight : weights) {
            most = Math.max(most, weight);
        }
        float heaviest = most;
        return tokenizer.decode(
                IntStream.range(0, tokens.length).filter(i -> weights[i] == heaviest).map(i -> tokens[i]).toArray());
    }

    /** Of an answer's tokens. */
    private float[] weights(Message answer, Expectation expected) {
        TrainingSequence sequence = encoder
                .dialogue(new Dialogue("d", Skill.MEMORY, Language.EN, List.of(), Set.of(),
                        List.of(new Exchange(List.of(new Message(Role.USER, "?")), answer, expected))));
        int length = encoder.answer(answer).length;
        return Arrays.copyOfRange(sequence.weights(), sequence.length() - length, sequence.length());
    }

    @Test
    void anAnswerIsWhatTheModelGenerates() {
        assertThat(show(encoder.answer(new Message(Role.ASSISTANT, "Hi!")))).isEqualTo("Hi!<|eot_id|>");
    }

    @Test
    void aPromptEndsWithTheOpenHeaderAndHoldsTheAnswersThatWereGiven() {
        int[] prompt = encoder.prompt(DIALOGUE, List.of(new Message(Role.ASSISTANT, "One moment."), CALL));
        assertThat(show(prompt)).contains("48213?<|eot_id|><|start_header_id|>assistant<|end_header_id|>")
                .contains("One moment.<|eot_id|><|start_header_id|>ipython").contains("shipped\"}<|eot_id|>")
                .endsWith("Search for green tea.<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
        int[] first = encoder.prompt(DIALOGUE, List.of());
        assertThat(prompt).startsWith(first);
    }

    @Test
    void aDialogueThatIsTooLongLosesItsLastExchanges() {
        String sentence = "12345 ".repeat(70);
        TrainingSequence cut = encoder.dialogue(talk(sentence, sentence, sentence));
        assertThat(cut).isEqualTo(encoder.dialogue(talk(sentence, sentence)));
        assertThatThrownBy(() -> encoder.dialogue(talk("12345 ".repeat(200))))
                .hasMessage("dialogue talk: its first exchange is more than 1024 tokens");
    }

    @Test
    void forPretrainingEveryTokenButTheFirstIsLearned() {
        TrainingSequence whole = encoder.wholeDialogue(DIALOGUE);
        assertThat(whole.tokens()).containsExactly(encoder.dialogue(DIALOGUE).tokens());
        assertThat(whole.learnedTokens()).isEqualTo(whole.length() - 1);
        assertThat(whole.learned(0)).isFalse();
    }

    @Test
    void aDocumentHasABeginAndAnEnd() {
        assertThat(encoder.document("It is.")).singleElement().satisfies(sequence -> {
            assertThat(show(sequence.tokens())).isEqualTo("<|begin_of_text|>It is.<|end_of_text|>");
            assertThat(sequence.learnedTokens()).isEqualTo(sequence.length() - 1);
        });
    }

    @Test
    void eachTokenOfALongDocumentIsLearnedOnce() {
        String text = "a1b2".repeat(600);
        List<TrainingSequence> parts = encoder.document(text);
        StringBuilder learned = new StringBuilder();
        parts.forEach(part -> learned.append(learned(part)));
        assertThat(learned).hasToString(text + "<|end_of_text|>");
        assertThat(parts).hasSize(3);
        int[] first = parts.get(0).tokens();
        assertThat(parts.get(1).tokens()[0]).isEqualTo(first[first.length - 1]);
    }
}
