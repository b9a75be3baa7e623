package io.millrace.job.demo;

import io.millrace.job.eval.DialogueEvents;
import io.millrace.job.kafka.JobClient;
import io.millrace.job.kafka.RunningJob;
import io.millrace.runtime.prompt.Answer;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.Usage;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The support desk of a shop: customers write at the same time, each their next message when the one before is answered. Their
 * first message is also triaged, in a request of its own. Only new messages are sent: the history is in the session. What
 * the model asks of the shop's tools, the demo looks up and sends as the session's next turn. Used by one thread, once.
 */
public final class Demo {
    private static final int MAX_TOKENS = 96;
    /** A model that calls again and again is stopped here. */
    private static final int MAX_CALLS = 3;

    private final RunningJob job;
    private final DemoScreen screen;
    private final PrintWriter out;
    private final Map<String, Request> waiting = new HashMap<>();
    private int answered;
    private int failed;
    private long promptTokens;
    private long cachedTokens;
    private long generatedTokens;

    /** A customer's turn under way. */
    private static final class Visit {
        final Customer customer;
        final int turn;
        final DemoScreen.Turn shown;
        int open;
        int calls;

        Visit(Customer customer, int turn, DemoScreen.Turn shown) {
            this.customer = customer;
            this.turn = turn;
            this.shown = shown;
        }
    }

    /** A request that waits for its answer; a triage is in no session. */
    private record Request(Visit visit, boolean triage) {}

    /** @param job not owned */
    public Demo(RunningJob job, PrintWriter out) {
        this.job = job;
        this.out = out;
        this.screen = new DemoScreen(out);
    }

    /**
     * Holds the conversations and prints what happens, then a summary.
     *
     * @return whether every request was answered, none with an error
     */
    public boolean run(int conversations, int turns) {
        long started = System.nanoTime();
        IntStream.range(0, conversations).mapToObj(i -> Customer.of(i, turns)).toList()
                .forEach(customer -> write(customer, 1));
        while (!waiting.isEmpty()) {
            job.answers().forEach(this::hear);
        }
        out.println();
        out.printf(Locale.ROOT,
                "%d requests answered in %.1f s, %d with an error. %d tokens generated; %d of %d prompt tokens were in the KV "
                        + "cache: a conversation's own turns, and the beginnings that all share.%n",
                answered, (System.nanoTime() - started) / 1e9, failed, generatedTokens, cachedTokens, promptTokens);
        out.flush();
        return failed == 0;
    }

    private void write(Customer customer, int turn) {
        String text = customer.messages().get(turn - 1);
        Visit visit = new Visit(customer, turn,
                screen.begin(customer.id() + " (" + customer.language().englishName() + "), turn " + turn, text));
        List<Message> messages = new ArrayList<>();
        if (turn == 1) {
            messages.add(message("system", Desk.TRIAGE));
            messages.add(message("user", text));
            send(visit, true, PromptEvent.newBuilder().setId(customer.id() + "/triage"), messages);
            messages = new ArrayList<>(List.of(message("system", Desk.REPLY)));
        }
        messages.add(message("user", text));
        PromptEvent.Builder prompt = PromptEvent.newBuilder().setId(customer.id() + "/" + turn)
                .setConversationId(customer.id());
        if (turn == 1 && customer.looksUp()) {
            prompt.setTools(DialogueEvents.tools(Desk.TOOLS, Set.of()));
        }
        send(visit, false, prompt, messages);
    }

    private void send(Visit visit, boolean triage, PromptEvent.Builder prompt, List<Message> messages) {
        PromptEvent event = prompt.setMessages(messages).setStream(true).setTemperature(0.0)
                .setMaxCompletionTokens(MAX_TOKENS).build();
        visit.open++;
        waiting.put(event.getId(), new Request(visit, triage));
        screen.await(visit.shown, event.getId());
        job.send(event);
    }

    private void hear(JobClient.Answer answer) {
        switch (answer) {
            case JobClient.Answer.Delta(TokenDelta delta) -> {
                String text = delta.getChoices().isEmpty()
                        ? null
                        : delta.getChoices().getFirst().getDelta().getContent();
                screen.streamed(delta.getRequestId(), text == null ? "" : text);
            }
            case JobClient.Answer.Completion(CompletionEvent completion) -> {
                Request request = waiting.remove(completion.getRequestId());
                if (request != null) {
                    screen.answered(completion);
                    count(completion);
                    goOn(request, DialogueEvents.answer(completion));
                }
            }
        }
    }

    private void goOn(Request request, Answer answer) {
        Visit visit = request.visit;
        visit.open--;
        if (!request.triage && answer instanceof Answer.ToolCalls(var _, var calls) && visit.calls < MAX_CALLS) {
            visit.calls++;
            List<Message> results = new ArrayList<>();
            calls.forEach(call -> {
                String result = Shop.answer(call);
                screen.say(visit.shown, "=", result);
                results.add(message("tool", result));
            });
            String id = visit.customer.id() + "/" + visit.turn + "/result-" + visit.calls;
            send(visit, false, PromptEvent.newBuilder().setId(id).setConversationId(visit.customer.id()), results);
        }
        if (visit.open == 0) {
            screen.end(visit.shown);
            if (visit.turn < visit.customer.messages().size()) {
                write(visit.customer, visit.turn + 1);
            }
        }
    }

    private static Message message(String role, String text) {
        return Message.newBuilder().setRole(role).setContent(text).build();
    }

    private void count(CompletionEvent completion) {
        answered++;
        failed += completion.getError() == null ? 0 : 1;
        Usage usage = completion.getUsage();
        if (usage != null) {
            promptTokens += usage.getPromptTokens();
            cachedTokens += DemoScreen.cached(usage);
            generatedTokens += usage.getCompletionTokens();
        }
    }
}
