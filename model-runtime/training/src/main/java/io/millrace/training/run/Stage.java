package io.millrace.training.run;

/** The stages of a run, in their order: the recipe of Llama 3 (Grattafiori et al. 2024, sections 3 and 4) in miniature. */
public enum Stage {
    /** Next-token prediction on documents, whole dialogues and random repeats. */
    PRETRAINING(0, "pre-training"),
    /** Dialogues, of which only what the assistant says is to be predicted, and random repeats. */
    FINE_TUNING(1, "fine-tuning"),
    /** Fine-tuning on the model's own answers that a grader found right, among fresh dialogues. */
    REJECTION_SAMPLING(2, "rejection-sampling"),
    /** Direct preference optimisation: right answers over wrong ones that the model gave. */
    PREFERENCE(3, "preference");

    private final int number;
    private final String title;

    Stage(int number, String title) {
        this.number = number;
        this.title = title;
    }

    /** The stage whose model this one begins with; the first has none. */
    Stage previous() {
        return values()[number - 1];
    }

    /** Which one it is, from 0. */
    int number() {
        return number;
    }

    /** As files, curves and progress call it. */
    public String title() {
        return title;
    }
}
