package io.millrace.job.bench.load;

import io.millrace.job.bench.Spread;
import io.millrace.job.embedded.EmbeddedJob;
import io.millrace.operator.MillraceOptions;
import io.millrace.runtime.engine.Engine;
import io.millrace.runtime.engine.EngineOptions;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.packing.PackingOptions;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.jspecify.annotations.Nullable;

/**
 * Conversations through Kafka and the job, in turn with the same on an engine alone and the same positions on a bare decoder:
 * what a whole deployment in one process costs beside its forward passes. Broker, cluster, engine and decoder are new in each
 * round; before the first one, each computes short conversations that are not timed.
 */
public final class EndToEndBench {
    private static final Duration START_LIMIT = Duration.ofMinutes(10);
    /** Turns and tokens of each conversation with the small model. */
    private static final int WARM_UP_TURNS = 4;
    private static final int WARM_UP_ANSWER = 256;
    /** Joins the consumer group. */
    private static final Workload FIRST_CONTACT = new Workload(1, 1, 16, 8);

    private final Path path;
    private final LlamaModel model;
    private final Workload work;
    private final Setup setup;
    private final Path directory;
    private final IntConsumer heard;

    /**
     * How the conversations are run.
     *
     * @param weightsCacheDir the job's setting; null leaves it to the default
     * @param rounds each of all conversations through Kafka, then on an engine, then on a decoder
     * @param comparisons with what else the conversations are held
     */
    public record Setup(int threads, KvType kvType, @Nullable String weightsCacheDir, int rounds,
            Comparisons comparisons) {

        /** Tokens that are generated in all, but for those of the warm-up. */
        public long tokens(Workload work) {
            return work.tokens() * rounds * (3 + (comparisons.resend ? 1 : 0) + (comparisons.shards > 1 ? 1 : 0));
        }
    }

    /**
     * Further ways to hold the same conversations.
     *
     * @param resend with the whole history sent and computed again in each turn
     * @param shards with the layers shared out over so many, when there are 2 or more
     * @param microBatches steps under way through them, 0 for as many as shards
     */
    public record Comparisons(boolean resend, int shards, int microBatches) {
        private static final Comparisons NONE = new Comparisons(false, 1, 0);
    }

    /**
     * @param path where {@code model}, which is not owned, was opened
     * @param directory for the job's checkpoints
     * @param heard hears of each piece of an answer, 1; about {@link Setup#tokens} in all
     */
    public EndToEndBench(Path path, LlamaModel model, Workload work, Setup setup, Path directory, IntConsumer heard) {
        this.path = path;
        this.model = model;
        this.work = work;
        this.setup = setup;
        this.directory = directory;
        this.heard = heard;
    }

    /** Bytes of KV cache that the conversations fill, so that none has to leave the arena. */
    public static long kvBytes(Workload work, KvLayout layout) {
        return work.kvBytes(layout) + FIRST_CONTACT.kvBytes(layout);
    }

    /**
     * Runs all rounds.
     *
     * @throws IOException when the small model cannot be written
     * @throws IllegalStateException when a turn is not answered, or with an error
     */
    public EndToEndReport run() throws IOException, InterruptedException {
        List<List<TurnTimes>> endToEnd = new ArrayList<>();
        List<List<TurnTimes>> engine = new ArrayList<>();
        double[] decoder = new double[setup.rounds()];
        List<List<TurnTimes>> resent = new ArrayList<>();
        List<List<TurnTimes>> sharded = new ArrayList<>();
        warmUp();
        for (int round = 0; round < setup.rounds(); round++) {
            endToEnd.add(throughKafka(path, model, work, Comparisons.NONE, heard));
            engine.add(onEngine(endToEnd.getLast()));
            decoder[round] = onDecoder(endToEnd.getLast());
            Comparisons comparisons = setup.comparisons();
            if (comparisons.resend()) {
                resent.add(throughKafka(path, model, work, new Comparisons(true, 1, 0), heard));
            }
            if (comparisons.shards() > 1) {
                sharded.add(throughKafka(path, model, work,
                        new Comparisons(false, comparisons.shards(), comparisons.microBatches()), heard));
            }
        }
        double[] rates = rates(endToEnd);
        return new EndToEndReport(model.weights().name(), setup.threads(), work.conversations(), work.answer(),
                setup.rounds(), LoadRates.of(endToEnd), LoadRates.of(engine), Spread.of(decoder),
                ratios(rates, rates(engine)), ratios(rates, decoder),
                resent.isEmpty() ? null : LoadRates.of(resent),
                sharded.isEmpty()
                        ? null
                        : EndToEndReport.Sharded.of(setup.comparisons(), LoadRates.of(sharded),
                                ratios(rates(sharded), rates)),
                turns(endToEnd, resent));
    }

    private static double[] rates(List<List<TurnTimes>> rounds) {
        return rounds.stream().mapToDouble(LoadRates::rate).toArray();
    }

    /** Round by round, so that a machine whose speed changes in minutes changes both of a pair. */
    private static Spread ratios(double[] rates, double[] others) {
        return Spread.of(IntStream.range(0, rates.length).mapToDouble(round -> rates[round] / others[round]).toArray());
    }

    private void warmUp() throws IOException, InterruptedException {
        Path small = directory.resolve("warm-up.gguf");
        SampleModel.write(small, SampleModel.Options.defaults());
        try (LlamaModel sample = LlamaModel.open(small, PackingOptions.inMemory(setup.threads()))) {
            Workload turns = new Workload(work.conversations(), WARM_UP_TURNS, 16, WARM_UP_ANSWER);
            throughKafka(small, sample, turns, Comparisons.NONE, _ -> {});
        }
    }

    private List<TurnTimes> throughKafka(Path path, LlamaModel model, Workload work, Comparisons with,
            IntConsumer heard) throws InterruptedException {
        KafkaLoad.History history = with.resend() ? KafkaLoad.History.RESENT : KafkaLoad.History.IN_SESSION;
        Configuration options = options(path, kvBytes(work, KvLayout.of(model.weights().config(), setup.kvType())))
                .set(MillraceOptions.SHARDS, Integer.toString(with.shards()))
                .set(MillraceOptions.MICRO_BATCHES, with.microBatches());
        try (EmbeddedJob job = EmbeddedJob.start(options, directory, START_LIMIT)) {
            KafkaLoad load = new KafkaLoad(job, model.tokenizer());
            load.run("first-contact", FIRST_CONTACT, history, _ -> {});
            return load.run("bench", work, history, heard);
        }
    }

    private Configuration options(Path path, long kvBytes) {
        Configuration options = new Configuration().set(MillraceOptions.MODEL, path.toAbsolutePath().toString())
                .set(MillraceOptions.THREADS, setup.threads()).set(MillraceOptions.KV_TYPE, setup.kvType())
                .set(MillraceOptions.KV_MEMORY, new MemorySize(kvBytes))
                .set(MillraceOptions.MAX_NUM_SEQS, maxNumSeqs())
                .set(MillraceOptions.MAX_ACCEPTED_PROMPTS,
                        Math.max(work.conversations(), MillraceOptions.MAX_ACCEPTED_PROMPTS.defaultValue()));
        if (setup.weightsCacheDir() != null) {
            options.set(MillraceOptions.WEIGHTS_CACHE_DIR, setup.weightsCacheDir());
        }
        return options;
    }

    private List<TurnTimes> onEngine(List<TurnTimes> load) throws InterruptedException {
        EngineOptions options = EngineOptions.defaults().withThreads(setup.threads()).withKvType(setup.kvType())
                .withKvBytes(kvBytes()).withMaxNumSeqs(maxNumSeqs());
        try (Engine engine = Engine.start(model, options)) {
            return new EngineLoad(engine, model.weights().config().vocabSize()).run(load, heard);
        }
    }

    private double onDecoder(List<TurnTimes> load) {
        try (DecoderLoad decoder = new DecoderLoad(model, setup.kvType(), kvBytes(), setup.threads(),
                work.conversations())) {
            return decoder.run(load, heard);
        }
    }

    private long kvBytes() {
        return kvBytes(work, KvLayout.of(model.weights().config(), setup.kvType()));
    }

    private int maxNumSeqs() {
        return Math.max(work.conversations(), MillraceOptions.MAX_NUM_SEQS.defaultValue());
    }

    private List<EndToEndReport.Turn> turns(List<List<TurnTimes>> endToEnd, List<List<TurnTimes>> resent) {
        List<EndToEndReport.Turn> turns = new ArrayList<>();
        for (int turn = 1; turn <= work.turns(); turn++) {
            List<TurnTimes> session = ofTurn(endToEnd, turn);
            double millis = firstToken(session);
            Double again = resent.isEmpty() ? null : firstToken(ofTurn(resent, turn));
            turns.add(new EndToEndReport.Turn(turn, session.get(session.size() / 2).promptTokens(), millis, again,
                    again == null ? null : again / millis));
        }
        return List.copyOf(turns);
    }

    /** Ordered by the length of their prompts. */
    private static List<TurnTimes> ofTurn(List<List<TurnTimes>> rounds, int turn) {
        return rounds.stream().flatMap(List::stream).filter(times -> times.turn() == turn)
                .sorted(Comparator.comparingInt(TurnTimes::promptTokens)).toList();
    }

    private static double firstToken(List<TurnTimes> turns) {
        return Percentiles.of(turns.stream().mapToDouble(TurnTimes::firstTokenMillis)).p50();
    }
}
