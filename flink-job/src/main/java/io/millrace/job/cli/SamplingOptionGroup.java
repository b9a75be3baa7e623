package io.millrace.job.cli;

import io.millrace.runtime.engine.GenerationRequest;
import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.runtime.tokenizer.SpecialTokens;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** How tokens are drawn and when a turn ends. */
final class SamplingOptionGroup {
    @Option(names = "--max-tokens", paramLabel = "N", defaultValue = "256", description = "Generate at most N tokens. Default: ${DEFAULT-VALUE}.")
    private int maxTokens;

    @Option(names = "--temperature", paramLabel = "T", defaultValue = "0.6", description = "0 takes the most likely token every time. Default: ${DEFAULT-VALUE}.")
    private float temperature;

    @Option(names = "--top-p", paramLabel = "P", defaultValue = "0.9", description = "Draw from the smallest set of tokens with this probability. Default: ${DEFAULT-VALUE}.")
    private float topP;

    @Option(names = "--top-k", paramLabel = "K", defaultValue = "0", description = "Draw from the K most likely tokens; 0 is all. Default: ${DEFAULT-VALUE}.")
    private int topK;

    @Option(names = "--min-p", paramLabel = "P", defaultValue = "0", description = "Leave out tokens less than P times as likely as the most likely one. Default: ${DEFAULT-VALUE}.")
    private float minP;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Equal seeds give equal text. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(names = "--stop", paramLabel = "TEXT", description = "End before this text; may be given several times.")
    private List<String> stop = List.of();

    @Option(names = "--ignore-eos", description = "Do not end at the model's own stop tokens.")
    private boolean ignoreEos;

    /** Throws when an option is out of range, naming it; to be called before a model is opened. */
    void check() {
        if (maxTokens < 1) {
            throw new InvalidInput("--max-tokens: " + maxTokens + " is not 1 or more");
        }
        if (stop.contains("")) {
            throw new InvalidInput("--stop: the text is empty; leave the option out");
        }
        try {
            parameters();
        } catch (IllegalArgumentException e) {
            // Its message begins with the parameter's name, top_p, which is the option's but for the dashes.
            throw new InvalidInput("--" + String.valueOf(e.getMessage()).replace('_', '-'), e);
        }
    }

    /** A turn that continues {@code tokens}; {@code id} names it in errors. */
    GenerationRequest request(String id, int[] tokens, SpecialTokens specials) {
        List<Integer> stopTokens = ignoreEos ? List.of() : specials.stopTokens();
        return new GenerationRequest(id, tokens, 0, parameters(), maxTokens, stopTokens, stop, -1, 0, Long.MAX_VALUE,
                "", null);
    }

    private SamplingParameters parameters() {
        return new SamplingParameters(temperature, topK, topP, minP, 1, 0, 0, Map.of(), seed);
    }
}
