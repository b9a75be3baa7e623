package io.millrace.training.tokens;

import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Exchange;
import io.millrace.training.desk.Expectation;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Dialogues and texts to the token ids that are trained on. A dialogue is composed as a running session composes it, turn by
 * turn: the new messages, the open header of the answer, the answer with the token that ends it. So the model is asked in
 * operation exactly as it was in training. Immutable, any thread may use it.
 */
public final class DialogueEncoder {
    // How much more a token counts than one of which nothing is known but that a right answer has it. Most of an answer's tokens
    // follow from those before them, or are one of several ways to say it: counted alike, the few that have to be found out
    // stay guesses for millions of tokens.

    /** Of a triage's fifty tokens three are labels, and they are the hardest. */
    private static final float LABEL = 15;
    /** What has to be found in the conversation. */
    private static final float COPIED = 4;
    /** Where the first words decide: whether the fact was told, in which language and tone the reply is. */
    private static final float DECIDED = 3;

    private final Tokenizer tokenizer;
    private final ChatFormat format;

    public DialogueEncoder(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
        format = new ChatFormat(tokenizer);
    }

    /**
     * A dialogue with the answers it should get. These are learned, with the tokens that end them, and their
     * {@linkplain Expectation#labels labels} and what they {@linkplain Expectation#copied copy} count more; a dialogue that is too long loses its last exchanges.
     *
     * @throws IllegalArgumentException when even the first exchange is too long
     */
    public TrainingSequence dialogue(Dialogue dialogue) {
        int[] tokens = {};
        float[] weights = new float[TrainingSequence.MAX_TOKENS];
        for (int i = 0; i < dialogue.exchanges().size(); i++) {
            Exchange exchange = dialogue.exchanges().get(i);
            int[] answer = answer(exchange.answer());
            int[] longer = join(tokens, input(dialogue, i), answer);
            if (longer.length > TrainingSequence.MAX_TOKENS) {
                break;
            }
            float[] own = weights(answer, exchange.expected());
            System.arraycopy(own, 0, weights, longer.length - own.length, own.length);
            tokens = longer;
        }
        if (tokens.length == 0) {
            throw new IllegalArgumentException("dialogue " + dialogue.id() + ": its first exchange is more than "
                    + TrainingSequence.MAX_TOKENS + " tokens");
        }
        return new TrainingSequence(tokens, Arrays.copyOf(weights, tokens.length));
    }

    /** For pre-training: the tokens of {@link #dialogue}, all of them learned, the customer's and the system's too. */
    public TrainingSequence wholeDialogue(Dialogue dialogue) {
        return TrainingSequence.allLearned(dialogue(dialogue).tokens());
    }

    /**
     * For pre-training: begin of text, a text, end of text, all learned. A long one is cut into several sequences; a later one
     * begins with the last token of the one before, so that each token is learned once.
     */
    public List<TrainingSequence> document(String text) {
        int[] tokens = join(format.encodeConversationStart(), tokenizer.encode(text),
                new int[]{tokenizer.specials().endOfText()});
        List<TrainingSequence> sequences = new ArrayList<>();
        for (int from = 0; from + 1 < tokens.length; from += TrainingSequence.MAX_TOKENS - 1) {
            int to = Math.min(tokens.length, from + TrainingSequence.MAX_TOKENS);
            sequences.add(TrainingSequence.allLearned(Arrays.copyOfRange(tokens, from, to)));
        }
        return sequences;
    }

    /**
     * The prompt that a session gives the model in a dialogue's exchange {@code answers.size()}.
     *
     * @param answers what the model answered in the exchanges before
     * @return everything up to the open header of the answer
     */
    public int[] prompt(Dialogue dialogue, List<Message> answers) {
        int[] tokens = {};
        for (int i = 0; i < answers.size(); i++) {
            tokens = join(tokens, input(dialogue, i), answer(answers.get(i)));
        }
        return join(tokens, input(dialogue, answers.size()));
    }

    /** What a model generates to give this answer: its tokens and the one that ends it. */
    public int[] answer(Message answer) {
        int[] message = format.encode(List.of(answer));
        return Arrays.copyOfRange(message, format.openAssistant().length, message.length);
    }

    /** Of an answer's tokens. One is a label's, or copied, when it has a byte of that. */
    private float[] weights(int[] answer, Expectation expected) {
        // A byte is a character here, and a special token none.
        StringBuilder text = new StringBuilder();
        int[] ends = new int[answer.length];
        for (int i = 0; i < answer.length; i++) {
            if (!tokenizer.isSpecial(answer[i])) {
                text.append(new String(tokenizer.bytes(answer[i]), StandardCharsets.ISO_8859_1));
            }
            ends[i] = text.length();
        }
        BitSet labels = new BitSet();
        for (String label : expected.labels()) {
            int at = text.indexOf('"' + label + '"');
            if (at < 0) {
                throw new IllegalArgumentException("label: \"" + label + "\" is not in the answer " + text);
            }
            labels.set(at + 1, at + 1 + label.length());
        }
        BitSet copied = new BitSet();
        for (String value : expected.copied()) {
            String bytes = new String(value.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
            for (int at = text.indexOf(bytes); at >= 0; at = text.indexOf(bytes, at + 1)) {
                copied.set(at, at + bytes.length());
            }
        }
        float rest = switch (expected) {
            case Expectation.Recall _,Expectation.Refusal _,Expectation.Style _ -> DECIDED;
            case Expectation.Triage _,Expectation.Call _,Expectation.Result _,Expectation.Unscored _ -> 1;
        };
        float[] weights = new float[answer.length];
        for (int i = 0, start = 0; i < answer.length; start = ends[i++]) {
            if (meets(labels, start, ends[i])) {
                weights[i] = LABEL;
            } else if (meets(copied, start, ends[i])) {
                weights[i] = COPIED;
            } else {
                weights[i] = rest;
            }
        }
        return weights;
    }

    private static boolean meets(BitSet set, int from, int to) {
        int first = set.nextSetBit(from);
        return first >= 0 && first < to;
    }

    /** All tokens of a dialogue, however many. */
    int[] tokens(Dialogue dialogue) {
        List<Message> answers = dialogue.exchanges().stream().map(Exchange::answer).toList();
        return join(prompt(dialogue, answers.subList(0, answers.size() - 1)), answer(answers.getLast()));
    }

    /** What an exchange adds to a session before its answer. */
    private int[] input(Dialogue dialogue, int exchange) {
        List<Message> messages = dialogue.exchanges().get(exchange).input();
        return exchange == 0
                ? join(format.encodeConversationStart(),
                        format.encode(messages, dialogue.tools(), dialogue.builtIn()), format.openAssistant())
                : join(format.encode(messages), format.openAssistant());
    }

    private static int[] join(int[]... parts) {
        return Stream.of(parts).flatMapToInt(IntStream::of).toArray();
    }
}
