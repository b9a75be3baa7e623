package io.millrace.training.desk;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Messages of one or more customers, each answered by its triage. */
final class TriageDialogues {
    private static final double ANOTHER = 0.35;
    private static final double ANOTHER_OF_TRAINING = 0.7;
    private static final double OTHER_LANGUAGE = 0.5;
    private static final int MOST = 4;

    private TriageDialogues() {}

    static void write(Draw draw, Conversation conversation) {
        conversation.system(draw.sentence(draw.pick(draw.prompts().triage()), Map.of()));
        double another = draw.part() == Part.TRAIN ? ANOTHER_OF_TRAINING : ANOTHER;
        for (int i = 0; i == 0 || (i < MOST && draw.chance(another)); i++) {
            if (i > 0) {
                boolean other = draw.part() == Part.TRAIN && draw.chance(OTHER_LANGUAGE);
                draw.changeCustomer(other ? draw.pick(Language.values()) : draw.language());
            }
            CustomerMessage message = CustomerMessage.draw(draw);
            conversation.user(message.text());
            var expected = new Expectation.Triage(message.category(), message.sentiment(), message.urgency(),
                    draw.language(), message.order());
            conversation.answer(json(expected), expected);
        }
    }

    /** The triage in one line, its fields in a fixed order. */
    static String json(Expectation.Triage triage) {
        return "{\"category\": \"" + triage.category().label() + "\", \"sentiment\": \"" + triage.sentiment().label()
                + "\", \"urgency\": \"" + triage.urgency().label() + "\", \"language\": \"" + triage.language().code()
                + "\", \"order\": " + quoted(triage.order()) + "}";
    }

    private static String quoted(@Nullable String order) {
        return order == null ? "null" : "\"" + order + "\"";
    }
}
