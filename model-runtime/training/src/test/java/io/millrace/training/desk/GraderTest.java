package io.millrace.training.desk;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.prompt.Answer;
import io.millrace.runtime.prompt.ToolCall;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GraderTest {
    private static final Expectation.Triage TRIAGE = new Expectation.Triage(Category.DEFECT, Sentiment.NEGATIVE,
            Urgency.HIGH, Language.DE, "48213");
    private static final String RIGHT = """
            {"category": "defect", "sentiment": "negative", "urgency": "high", "language": "de", "order": "48213"}""";

    private static Grader grader;

    @BeforeAll
    static void load() {
        grader = new Grader(Phrasebook.load());
    }

    private static Map<Criterion, Boolean> grade(Expectation expected, String answer) {
        return grader.grade(expected, new Answer.Content(answer));
    }

    @Test
    void aTriageIsJudgedFieldByField() {
        assertThat(grade(TRIAGE, RIGHT)).hasSize(6).allSatisfy((_, met) -> assertThat(met).isTrue());
        assertThat(grade(TRIAGE, RIGHT.replace("defect", "refund"))).containsEntry(Criterion.CATEGORY, false)
                .containsEntry(Criterion.JSON, true).containsEntry(Criterion.ORDER, true);
        assertThat(grade(TRIAGE, RIGHT.replace("negative", "neutral"))).containsEntry(Criterion.SENTIMENT, false);
        assertThat(grade(TRIAGE, RIGHT.replace("high", "low"))).containsEntry(Criterion.URGENCY, false);
        assertThat(grade(TRIAGE, RIGHT.replace("\"de\"", "\"en\""))).containsEntry(Criterion.LANGUAGE, false);
        assertThat(grade(TRIAGE, RIGHT.replace("48213", "4821"))).containsEntry(Criterion.ORDER, false);
        assertThat(grade(TRIAGE, RIGHT.replace("\"48213\"", "null"))).containsEntry(Criterion.ORDER, false);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "defect", "{\"category\": \"defect\"}", "{\"category\": \"defect\"} and more"})
    void whatIsNoTriageIsNoJson(String answer) {
        assertThat(grade(TRIAGE, answer)).containsEntry(Criterion.JSON, false);
    }

    @Test
    void aTriageIsOneLineWithoutFurtherFields() {
        assertThat(grade(TRIAGE, RIGHT.replace(", ", ",\n"))).containsEntry(Criterion.JSON, false);
        assertThat(grade(TRIAGE, RIGHT.replace("}", ", \"more\": \"x\"}"))).containsEntry(Criterion.JSON, false);
        assertThat(grade(TRIAGE, RIGHT.replace("\"48213\"", "48213"))).containsEntry(Criterion.JSON, false)
                .containsEntry(Criterion.ORDER, false);
    }

    @Test
    void aMessageWithoutAnOrderHasANull() {
        var expected = new Expectation.Triage(Category.DEFECT, Sentiment.NEGATIVE, Urgency.HIGH, Language.DE, null);
        assertThat(grade(expected, RIGHT.replace("\"48213\"", "null"))).containsEntry(Criterion.ORDER, true)
                .containsEntry(Criterion.JSON, true);
        assertThat(grade(expected, RIGHT)).containsEntry(Criterion.ORDER, false);
        assertThat(grade(expected, "{}")).containsEntry(Criterion.ORDER, false);
    }

    @Test
    void aFactIsGivenBackAlone() {
        var expected = new Expectation.Recall(List.of("48213"), List.of("Anna", "Rome"));
        assertThat(grade(expected, "It was order 48213.")).containsEntry(Criterion.MEMORY, true);
        assertThat(grade(expected, "It was order 482130.")).containsEntry(Criterion.MEMORY, false);
        assertThat(grade(expected, "It was order 48213 or 48214.")).containsEntry(Criterion.MEMORY, false);
        assertThat(grade(expected, "Anna, it was order 48213.")).containsEntry(Criterion.MEMORY, false);
        assertThat(grade(expected, "I do not know.")).containsEntry(Criterion.MEMORY, false);
        assertThat(grade(new Expectation.Recall(List.of("fan", "the fan"), List.of()), "It is fantastic."))
                .containsEntry(Criterion.MEMORY, false);
    }

    @Test
    void aCallHasTheRightToolAndArguments() {
        var expected = new Expectation.Call("order_status", Map.of("order_id", "\"48213\""));
        assertThat(call(expected, "order_status", "{\"order_id\": \"48213\"}")).isTrue();
        assertThat(call(expected, "order_total", "{\"order_id\": \"48213\"}")).isFalse();
        assertThat(call(expected, "order_status", "{\"order_id\": 48213}")).isFalse();
        assertThat(call(expected, "order_status", "{\"order\": \"48213\"}")).isFalse();
        assertThat(call(expected, "order_status", "{\"order_id\": \"48213\", \"x\": 1}")).isFalse();
        assertThat(grade(expected, "order_status 48213")).containsEntry(Criterion.CALL, false);
        var two = new ToolCall("order_status", "{\"order_id\": \"48213\"}");
        assertThat(grader.grade(expected, new Answer.ToolCalls("", List.of(two, two)))).containsEntry(Criterion.CALL,
                false);
    }

    private static boolean call(Expectation.Call expected, String name, String arguments) {
        return grader.grade(expected, new Answer.ToolCalls("", List.of(new ToolCall(name, arguments))))
                .getOrDefault(Criterion.CALL, false);
    }

    @Test
    void aResultIsToldWithoutOtherNumbers() {
        var expected = new Expectation.Result("84.50", "What did order 48213 cost?");
        assertThat(grade(expected, "Order 48213 cost 84.50 euros.")).containsEntry(Criterion.RESULT, true);
        assertThat(grade(expected, "Order 48213 cost 84.60 euros.")).containsEntry(Criterion.RESULT, false);
        assertThat(grade(expected, "Order 48214 cost 84.50 euros.")).containsEntry(Criterion.RESULT, false);
    }

    @Test
    void aReplyIsInTheDemandedStyle() {
        String ack = "We apologise for the defective item.";
        String order = "We will replace the defective article of order 48213.";
        var plain = new Expectation.Style(Language.EN, Tone.FORMAL, 2, ReplyFormat.PLAIN, "48213");
        assertThat(steered(plain, ack + " " + order)).isTrue();
        assertThat(steered(plain, order)).as("one sentence").isFalse();
        assertThat(steered(plain, ack + " " + order.replace("48213", "48214"))).as("another order").isFalse();
        assertThat(steered(plain, ack + " I'll swap the broken item of order 48213 for you!")).as("friendly").isFalse();
        assertThat(steered(plain, ack + " " + order + " Bye")).as("more").isFalse();
        assertThat(steered(plain, "")).as("nothing").isFalse();
        assertThat(steered(new Expectation.Style(Language.DE, Tone.FORMAL, 2, ReplyFormat.PLAIN, "48213"),
                ack + " " + order)).as("another language").isFalse();

        var list = new Expectation.Style(Language.EN, null, 2, ReplyFormat.LIST, "48213");
        assertThat(steered(list, "- " + ack + "\n- " + order)).isTrue();
        assertThat(steered(list, ack + " " + order)).isFalse();
        assertThat(steered(list, "- " + ack + " " + order)).isFalse();

        var json = new Expectation.Style(Language.EN, Tone.FORMAL, 0, ReplyFormat.JSON, null);
        assertThat(steered(json, "{\"reply\": \"" + ack + "\"}")).isTrue();
        assertThat(steered(json, "{\"answer\": \"" + ack + "\"}")).isFalse();
        assertThat(steered(json, ack)).isFalse();
        assertThat(steered(json, "{\"reply\": \"" + order + "\"}")).as("an order that nobody named").isFalse();
    }

    private static boolean steered(Expectation.Style expected, String answer) {
        return grade(expected, answer).getOrDefault(Criterion.STEERING, false);
    }

    @Test
    void aRefusalSaysThatItIsNotKnown() {
        var expected = new Expectation.Refusal(Language.EN);
        assertThat(grade(expected, "You have not told me your name.")).containsEntry(Criterion.REFUSAL, true);
        assertThat(grade(expected, "Your name is Anna.")).containsEntry(Criterion.REFUSAL, false);
        assertThat(grade(expected, "You have not told me your name. It is 7.")).containsEntry(Criterion.REFUSAL, false);
        assertThat(grade(new Expectation.Refusal(Language.DE), "You have not told me your name."))
                .containsEntry(Criterion.REFUSAL, false);
    }

    @Test
    void whatIsNotScoredHasNoGrades() {
        assertThat(grade(new Expectation.Unscored(), "anything")).isEmpty();
    }
}
