package io.millrace.job.training;

import io.millrace.job.eval.DialogueEvents;
import io.millrace.job.kafka.JobClient;
import io.millrace.job.kafka.RunningJob;
import io.millrace.runtime.prompt.ChatFormat;
import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Logprobs;
import io.millrace.schemas.PromptEvent;
import io.millrace.training.desk.Grader;
import io.millrace.training.run.Sampled;
import io.millrace.training.run.TrainingPlan.Sampling;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Several requests without a session for each prompt, which differ in their ids and so in their seeds. Prompts wait for their next
 * candidate until their neighbours have had one, so that their beginning is in the prefix cache by then. Used by one thread, once.
 */
final class CandidateRun {
    private static final int MAX_TOKENS = 160;
    /** The engine's batch. */
    private static final int NEIGHBOURS = 64;
    /** Those that run, and those whose answers wait for their checkpoint. */
    private static final int AT_A_TIME = 192;

    private final RunningJob job;
    private final List<CandidatePrompt> prompts;
    private final Grader grader;
    private final long seed;
    private final Sampling sampling;
    private final Sampled.Candidate[][] candidates;
    private final Queue<Place> unasked = new ArrayDeque<>();
    /** By the id of the request that waits for its answer. */
    private final Map<String, Place> waiting = new HashMap<>();

    /** Whose which candidate a request is. */
    private record Place(int prompt, int candidate) {}

    /** @param job not owned */
    CandidateRun(RunningJob job, List<CandidatePrompt> prompts, Grader grader, long seed, Sampling sampling) {
        this.job = job;
        this.prompts = prompts;
        this.grader = grader;
        this.seed = seed;
        this.sampling = sampling;
        candidates = new Sampled.Candidate[prompts.size()][sampling.candidates()];
        for (int first = 0; first < prompts.size(); first += NEIGHBOURS) {
            for (int candidate = 0; candidate < sampling.candidates(); candidate++) {
                for (int prompt = first; prompt < Math.min(first + NEIGHBOURS, prompts.size()); prompt++) {
                    unasked.add(new Place(prompt, candidate));
                }
            }
        }
    }

    /**
     * What was answered to each prompt, in their order.
     *
     * @param heard hears of each candidate, 1
     * @throws IllegalStateException when a request is answered with an error
     */
    List<Sampled> run(ChatFormat format, IntConsumer heard) {
        while (!unasked.isEmpty() || !waiting.isEmpty()) {
            while (!unasked.isEmpty() && waiting.size() < AT_A_TIME) {
                ask(unasked.remove());
            }
            for (JobClient.Answer answer : job.answers()) {
                if (answer instanceof JobClient.Answer.Completion(CompletionEvent completion)) {
                    Place place = waiting.remove(completion.getRequestId());
                    if (place != null) {
                        candidates[place.prompt][place.candidate] = candidate(prompts.get(place.prompt), completion);
                        heard.accept(1);
                    }
                }
            }
        }
        return IntStream.range(0, prompts.size())
                .mapToObj(i -> new Sampled(prompts.get(i).context(format), prompts.get(i).reference(format),
                        Arrays.asList(candidates[i])))
                .toList();
    }

    private void ask(Place place) {
        CandidatePrompt prompt = prompts.get(place.prompt);
        // The seed of the draw is derived from the id.
        String request = seed + "/" + place.prompt + "/" + place.candidate;
        PromptEvent event = PromptEvent.newBuilder().setId(request)
                .setMessages(DialogueEvents.messages(prompt.messages()))
                .setTools(DialogueEvents.tools(prompt.dialogue().tools(), prompt.dialogue().builtIn()))
                .setTemperature((double) sampling.temperature())
                .setTopP(1.0).setLogprobs(true).setMaxCompletionTokens(MAX_TOKENS).build();
        waiting.put(request, place);
        job.send(event);
    }

    private Sampled.Candidate candidate(CandidatePrompt prompt, CompletionEvent completion) {
        if (completion.getError() != null) {
            throw new IllegalStateException(completion.getRequestId() + " of " + prompt.dialogue().id() + ": "
                    + completion.getError().getMessage());
        }
        CompletionChoice choice = completion.getChoices().getFirst();
        Logprobs generated = choice.getLogprobs();
        if (generated == null) {
            throw new IllegalStateException(completion.getRequestId() + ": no log probabilities, which were asked for");
        }
        int[] tokens = generated.getContent().stream().mapToInt(token -> token.getTokenId()).toArray();
        // An answer that did not come to its end is wrong, whatever it holds.
        boolean ended = !"length".equals(choice.getFinishReason());
        boolean right = ended && !grader.grade(prompt.asked().expected(), DialogueEvents.answer(completion))
                .containsValue(false);
        return new Sampled.Candidate(tokens, right);
    }
}
