package io.millrace.job.kafka;

import io.millrace.schemas.PromptEvent;
import java.util.List;

/** A job that answers prompts, as its clients see it. Used by one thread. */
public interface RunningJob {

    /** Sends a prompt without waiting. */
    void send(PromptEvent prompt);

    /** Lets the job forget a conversation, whose turns are answered. */
    void endSession(String conversationId);

    /**
     * What the job said since the last call, perhaps nothing yet. Called while an answer is awaited.
     *
     * @throws IllegalStateException when the job does not answer, or what it said cannot be read
     */
    List<JobClient.Answer> answers();
}
