package io.millrace.job.eval;

import io.millrace.job.kafka.JobClient;
import io.millrace.job.kafka.RunningJob;
import io.millrace.runtime.prompt.Answer;
import io.millrace.runtime.prompt.Message;
import io.millrace.runtime.prompt.Role;
import io.millrace.schemas.CompletionError;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import io.millrace.training.desk.Dialogue;
import io.millrace.training.desk.Exchange;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Plays dialogues through the running job as customers would hold them: an exchange's messages are sent when the one before is
 * answered, and what the model said itself is the history, in its session. A dialogue of one exchange is a request
 * without a session. Greedy, so that a model's answers are always the same. Used by one thread.
 */
public final class DialoguePlayer {
    private static final int MAX_TOKENS = 160;

    private final RunningJob job;
    private final int atATime;
    private final Map<String, Conversation> waiting = new HashMap<>();

    /**
     * @param job not owned
     * @param atATime conversations that are held at the same time
     */
    public DialoguePlayer(RunningJob job, int atATime) {
        this.job = job;
        this.atATime = atATime;
    }

    private static final class Conversation {
        final String id;
        final Dialogue dialogue;
        final List<Message> messages = new ArrayList<>();
        int exchange;

        Conversation(String id, Dialogue dialogue) {
            this.id = id;
            this.dialogue = dialogue;
        }

        Exchange current() {
            return dialogue.exchanges().get(exchange);
        }

        boolean isSession() {
            return dialogue.exchanges().size() > 1;
        }

        boolean isLast() {
            return exchange == dialogue.exchanges().size() - 1;
        }
    }

    /**
     * Plays all dialogues; their ids differ from each other and from those that this job has heard.
     *
     * @param heard hears of each exchange once, in the order within its dialogue. An exchange that cannot be played, since the job
     *        answered the one before with an error or there was no call whose result could be sent, is heard of too
     */
    public void play(Iterator<Dialogue> dialogues, Consumer<Reply> heard) {
        while (dialogues.hasNext() || !waiting.isEmpty()) {
            while (dialogues.hasNext() && waiting.size() < atATime) {
                Dialogue dialogue = dialogues.next();
                ask(new Conversation(dialogue.id(), dialogue));
            }
            for (JobClient.Answer answer : job.answers()) {
                if (answer instanceof JobClient.Answer.Completion(CompletionEvent completion)) {
                    Conversation conversation = waiting.remove(completion.getRequestId());
                    if (conversation != null) {
                        hear(conversation, completion, heard);
                    }
                }
            }
        }
    }

    private void ask(Conversation conversation) {
        List<Message> input = conversation.current().input();
        conversation.messages.addAll(input);
        String request = conversation.id + "/" + (conversation.exchange + 1);
        PromptEvent.Builder prompt = PromptEvent.newBuilder().setId(request)
                .setMessages(DialogueEvents.messages(input)).setTemperature(0.0).setMaxCompletionTokens(MAX_TOKENS);
        if (conversation.isSession()) {
            prompt.setConversationId(conversation.id).setTurn(conversation.exchange + 1);
        }
        if (conversation.exchange == 0) {
            prompt.setTools(DialogueEvents.tools(conversation.dialogue.tools(), conversation.dialogue.builtIn()));
        }
        waiting.put(request, conversation);
        job.send(prompt.build());
    }

    private void hear(Conversation conversation, CompletionEvent completion, Consumer<Reply> heard) {
        Answer answer = DialogueEvents.answer(completion);
        CompletionError error = completion.getError();
        heard.accept(new Reply(conversation.dialogue, conversation.exchange, conversation.messages, answer,
                error == null ? null : error.getCode() + ": " + error.getMessage()));
        if (conversation.isLast()) {
            end(conversation);
            return;
        }
        conversation.messages.add(message(answer));
        conversation.exchange++;
        boolean result = conversation.current().input().getFirst().role() == Role.IPYTHON;
        if (error != null) {
            abandon(conversation, "the exchange before failed", heard);
        } else if (result && answer instanceof Answer.Content) {
            abandon(conversation, "no tool was called, so there is no result to send", heard);
        } else {
            ask(conversation);
        }
    }

    private void abandon(Conversation conversation, String why, Consumer<Reply> heard) {
        int exchanges = conversation.dialogue.exchanges().size();
        for (int exchange = conversation.exchange; exchange < exchanges; exchange++) {
            conversation.messages.addAll(conversation.dialogue.exchanges().get(exchange).input());
            heard.accept(new Reply(conversation.dialogue, exchange, conversation.messages, new Answer.Content(""),
                    why));
        }
        end(conversation);
    }

    private void end(Conversation conversation) {
        if (conversation.isSession()) {
            job.endSession(conversation.id);
        }
    }

    private static Message message(Answer answer) {
        return switch (answer) {
            case Answer.Content(String text) -> new Message(Role.ASSISTANT, text);
            case Answer.ToolCalls(String content, var calls) -> new Message(Role.ASSISTANT, content, calls);
        };
    }
}
