package io.millrace.training.run;

/** Hears how a run goes; called by the thread that trains. */
public interface TrainingListener {
    /** Something worth a line: a stage begins, a file was written. */
    void said(String line);

    /** A step was done. */
    void stepped(LossPoint point, long tokensOfStage, long tokensOfStageInAll);
}
