package io.millrace.job.cli;

import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.sampling.Logprobs;
import io.millrace.runtime.packing.PackedWeights;
import io.millrace.runtime.weights.LlamaWeights;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code millrace logprobs}: what the model thinks of each position of given tokens. */
@Command(name = "logprobs", mixinStandardHelpOptions = true, description = {
        "Log-probabilities of the next token at every position.",
        "Reads one JSON array of token ids per line from standard input and writes, for each, one line "
                + "[{\"pos\":0,\"top\":[[id,logprob],...]},...]: natural logarithms, highest first, ties by lower id."}, footer = {
                        "", "Example:", "  echo '[1008,463,886]' | millrace logprobs --model model.gguf --top 5"})
final class LogprobsCommand implements Callable<Integer> {
    /** Rows per forward pass: enough to use the kernels well, few enough for the logits of a large vocabulary. */
    private static final int ROWS = 64;

    @Spec
    private CommandSpec spec;

    @ParentCommand
    private Millrace millrace;

    @Mixin
    private ModelOption model;

    @Mixin
    private WeightsCacheOption cache;

    @Option(names = "--top", paramLabel = "N", defaultValue = "20", description = "Tokens per position. Default: ${DEFAULT-VALUE}.")
    private int top;

    @Option(names = "--threads", paramLabel = "N", description = "Threads that compute. Default: one per processor.")
    private int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--kv-type", paramLabel = "TYPE", defaultValue = "f32", description = "How the KV cache stores values: f32, f16, bf16 or q8. Default: ${DEFAULT-VALUE}, so that what "
            + "is measured is the model.")
    private KvType kvType;

    @Override
    public Integer call() throws IOException {
        if (top < 1) {
            throw new InvalidInput("--top: " + top + " is not 1 or more");
        }
        if (threads < 1) {
            throw new InvalidInput("--threads: " + threads + " is not 1 or more");
        }
        PrintWriter out = spec.commandLine().getOut();
        JsonLines<int[]> lines = new JsonLines<>(millrace.reader(), int[].class,
                "a JSON array of token ids such as [1,2,3]");
        try (LlamaWeights weights = LlamaWeights.open(model.path());
                PackedWeights packed = LoadingProgress.during(cache.directory(), threads,
                        spec.commandLine().getErr(), packing -> PackedWeights.open(weights, packing));
                WorkerPool workers = new WorkerPool(threads)) {
            for (int[] tokens = lines.next(); tokens != null; tokens = lines.next()) {
                TokenIds.check(tokens, lines.place(), weights.config().vocabSize());
                int context = weights.config().contextLength();
                if (tokens.length > context) {
                    throw new InvalidInput(lines.place() + ": " + tokens.length
                            + " token ids are more than the model's context of " + context);
                }
                out.println(positions(weights, packed, workers, tokens));
            }
        }
        return 0;
    }

    private String positions(LlamaWeights weights, PackedWeights packed, WorkerPool workers, int[] tokens) {
        KvLayout layout = KvLayout.of(weights.config(), kvType);
        int blocks = KvLayout.blocksFor(tokens.length);
        StringBuilder json = new StringBuilder("[");
        try (KvBlockPool pool = new KvBlockPool(layout, blocks * layout.blockBytes());
                Progress progress = Progress.start("positions", tokens.length)) {
            Decoder decoder = new Decoder(weights, packed, KernelProvider.kernels(), workers, pool, ROWS, ROWS);
            BlockTable table = new BlockTable();
            for (int i = 0; i < blocks; i++) {
                table.append(pool.allocate());
            }
            Logprobs logprobs = new Logprobs(weights.config().vocabSize());
            Batch batch = new Batch(ROWS, ROWS);
            for (int from = 0; from < tokens.length; from += ROWS) {
                int rows = Math.min(ROWS, tokens.length - from);
                batch.clear();
                for (int i = 0; i < rows; i++) {
                    batch.add(tokens[from + i], from + i, table, true);
                }
                decoder.forward(batch);
                for (int i = 0; i < rows; i++) {
                    append(json, from + i, logprobs, decoder, i);
                }
                progress.advance(rows);
            }
        }
        return json.append(']').toString();
    }

    private void append(StringBuilder json, int position, Logprobs logprobs, Decoder decoder, int row) {
        json.append(position == 0 ? "" : ",").append("{\"pos\":").append(position).append(",\"top\":[");
        logprobs.of(decoder.logits(row), top);
        for (int i = 0; i < logprobs.size(); i++) {
            json.append(i == 0 ? "[" : ",[").append(logprobs.token(i)).append(',').append(logprobs.logprob(i))
                    .append(']');
        }
        json.append("]}");
    }
}
