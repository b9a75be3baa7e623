package io.millrace.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.weights.TensorType;
import io.millrace.runtime.weights.sample.SampleModel;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.DeltaChoice;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.TokenLogprob;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Savepoints that earlier builds wrote, each a directory of {@code src/test/resources/savepoints}: canonical ones, of sessions
 * in every phase, with what the same build answered undisturbed. Every later build restores them and answers the same.
 *
 * <p>Write the next one, before a release or with a change of what state holds, and commit it beside the others:
 *
 * <pre>mvn -pl operator -am test -Dsurefire.failIfNoSpecifiedTests=false -Dtest=SavepointCompatibilityTest#writeASavepoint
 * -Dmillrace.write.savepoint=operator/src/test/resources/savepoints/2</pre>
 *
 * <p>Never write one anew: that it does not restore any more is what this test is there to find.
 */
class SavepointCompatibilityTest {
    private static final Path SAVEPOINTS = Path.of("src/test/resources/savepoints");
    private static final String MODEL = "model.gguf";
    private static final String COMPLETIONS = "completions.avro";
    private static final String DELTAS = "deltas.avro";

    /** Tokens of a turn that the savepoint cuts off. */
    private static final int LONG = 300;
    /** Id of {@code <|eot_id|>} in the sample vocabulary. */
    private static final int END_OF_TURN = 1017;

    @RegisterExtension
    static final MiniClusterExtension CLUSTER = new MiniClusterExtension(new MiniClusterResourceConfiguration.Builder()
            .setNumberTaskManagers(1).setNumberSlotsPerTaskManager(2).build());

    private static Configuration options(Path model) {
        Configuration options = new Configuration();
        options.set(MillraceOptions.MODEL, model.toAbsolutePath().toString());
        options.set(MillraceOptions.THREADS, 1);
        options.set(MillraceOptions.KV_MEMORY, MemorySize.ofMebiBytes(4));
        // What conversations share depends on which comes first, and so do the cached tokens of their first turns.
        options.set(MillraceOptions.PREFIX_CACHE, false);
        // Its sessions were last used when the savepoint was written.
        options.set(MillraceOptions.SESSION_TTL, Duration.ofDays(36_500));
        return options;
    }

    // -------------------------------------------------------------------------------------------------- restore

    static Stream<Arguments> savepointsAndJobs() throws IOException {
        try (Stream<Path> found = Files.list(SAVEPOINTS)) {
            List<Path> savepoints = found.filter(Files::isDirectory).sorted().toList();
            return savepoints.stream().flatMap(savepoint -> Stream.of(Arguments.of(savepoint, "hashmap", 1),
                    Arguments.of(savepoint, "rocksdb", 2)));
        }
    }

    @ParameterizedTest
    @MethodSource("savepointsAndJobs")
    void whatItHoldsIsAnsweredAsIfTheJobHadNeverStopped(Path directory, String backend, int parallelism,
            @TempDir Path drained) throws Exception {
        Map<String, CompletionEvent> expected = new HashMap<>();
        read(directory.resolve(COMPLETIONS), CompletionEvent.class)
                .forEach(each -> expected.put(each.getRequestId(), each));
        Map<String, List<DeltaChoice>> expectedDeltas = new HashMap<>();
        read(directory.resolve(DELTAS), TokenDelta.class)
                .forEach(each -> expectedDeltas.put(number(each), each.getChoices()));
        Configuration options = options(SAVEPOINTS.resolve(MODEL));
        options.set(StateBackendOptions.STATE_BACKEND, backend);
        PromptFeed feed = new PromptFeed();
        JobOutput output = new JobOutput();
        try (LlamaJob job = LlamaJob.restore(directory.toUri().toString(), options, parallelism, feed, output)) {
            afterwards().forEach(feed::add);
            output.await(expected.keySet());
            job.stopped(drained, true);
        }
        assertThat(output.completions()).as("neither lost nor answered twice").hasSameSizeAs(expected);
        expected.forEach((request, completion) -> assertSame(output.completion(request), completion));
        for (String request : expected.keySet()) {
            for (TokenDelta delta : output.deltas(request)) {
                assertThat(expectedDeltas).containsEntry(number(delta), delta.getChoices());
            }
        }
        assertThat(output.deltas("held-2")).as("text was held back, and comes at once").first()
                .matches(delta -> delta.getSeq() > 0)
                .matches(delta -> delta.getChoices().getFirst().getDelta().getContent().length() > 500);
    }

    private static String number(TokenDelta delta) {
        return delta.getRequestId() + " " + delta.getSeq();
    }

    private static void assertSame(CompletionEvent completion, CompletionEvent expected) {
        String request = expected.getRequestId();
        assertThat(completion.getError()).as(request).isNull();
        assertThat(completion.getChoices().getFirst().getMessage()).as(request)
                .isEqualTo(expected.getChoices().getFirst().getMessage());
        assertThat(completion.getChoices().getFirst().getFinishReason()).as(request)
                .isEqualTo(expected.getChoices().getFirst().getFinishReason());
        assertThat(tokens(completion)).as(request).isEqualTo(tokens(expected));
        assertThat(completion.getTurn()).as(request).isEqualTo(expected.getTurn());
        assertThat(completion.getUsage().getPromptTokens()).as(request)
                .isEqualTo(expected.getUsage().getPromptTokens());
        assertThat(completion.getUsage().getCompletionTokens()).as(request)
                .isEqualTo(expected.getUsage().getCompletionTokens());
        assertThat(completion.getUsage().getPromptTokensDetails().getCachedTokens())
                .as(request + ": its KV blocks were of use")
                .isEqualTo(expected.getUsage().getPromptTokensDetails().getCachedTokens());
    }

    private static List<Integer> tokens(CompletionEvent completion) {
        return completion.getChoices().getFirst().getLogprobs().getContent().stream().map(TokenLogprob::getTokenId)
                .toList();
    }

    private static <T extends SpecificRecordBase> List<T> read(Path file, Class<T> type) throws IOException {
        try (DataFileReader<T> reader = new DataFileReader<>(file.toFile(), new SpecificDatumReader<>(type))) {
            List<T> records = new ArrayList<>();
            reader.forEach(records::add);
            return records;
        }
    }

    // ------------------------------------------------------------------------------------------------- sessions

    private static PromptEvent.Builder prompt(String id, String text) {
        int turn = id.indexOf('-');
        return PromptEvent.newBuilder().setId(id).setConversationId(id.substring(0, turn))
                .setTurn(Integer.valueOf(id.substring(turn + 1)))
                .setMessages(List.of(Message.newBuilder().setRole("user").setContent(text).build()))
                .setMaxCompletionTokens(12).setTemperature(0.8).setLogprobs(true).setTopLogprobs(1);
    }

    private static PromptEvent.Builder longPrompt(String id, String text) {
        return prompt(id, text).setMaxCompletionTokens(LONG).setStream(true)
                .setLogitBias(new HashMap<>(Map.of(Integer.toString(END_OF_TURN), -100.0)));
    }

    private static PromptEvent.Builder stateless(PromptEvent.Builder prompt) {
        return prompt.setConversationId(null).setTurn(null);
    }

    /** Answered when the savepoint is taken. */
    private static List<PromptEvent> before() {
        return List.of(prompt("idle-1", "Once upon a time there was a mill by the river.").build(),
                prompt("held-1", "Who lived there?").build(), stateless(prompt("answered-1", "Hello.")).build());
    }

    /**
     * Running or waiting when the savepoint is taken.
     *
     * @param held never comes, but begins as the answer does after its first tokens: all of that is held back
     * @param stop comes at the answer's end
     */
    private static List<PromptEvent> during(String held, String stop) {
        PromptEvent.Builder bytes = longPrompt("bytes-1", "Say it in other letters.").setTopK(60).setMinP(0.001)
                .setRepetitionPenalty(1.1).setPresencePenalty(0.2).setFrequencyPenalty(0.1);
        // Letters of three bytes, which come in any order: broken characters too.
        IntStream.of('\u2191', '\u20ac').forEach(letter -> {
            for (byte b : Character.toString(letter).getBytes(StandardCharsets.UTF_8)) {
                bytes.getLogitBias().put(Integer.toString(byteToken(b & 0xff)), 9.0);
            }
        });
        return List.of(longPrompt("held-2", "Tell me a long story.").setStop(List.of(held)).build(),
                longPrompt("stopped-1", "Tell me a long story.").setSeed(7L).setStop(List.of(stop)).build(),
                bytes.build(), stateless(longPrompt("alone-1", "Tell me a story.")).build(),
                longPrompt("queued-1", "First.").build(), prompt("queued-2", "Second.").build(),
                prompt("queued-3", "Third.").build());
    }

    /** Sent after the restore; of the last three, answered, running and waiting ones, nothing comes. */
    private static List<PromptEvent> afterwards() {
        return List.of(prompt("idle-2", "And then?").build(), prompt("held-3", "And then?").build(),
                stateless(prompt("new-1", "Hello.")).build(), stateless(prompt("answered-1", "Hello.")).build(),
                stateless(prompt("alone-1", "Tell me a story.")).build(), prompt("queued-3", "Third.").build());
    }

    /** Vocabulary order of the bytes: the printable ones first, as GPT-2 had them. */
    private static int byteToken(int value) {
        int printable = 0;
        for (int b = 0; b < value; b++) {
            printable += isPrintable(b) ? 1 : 0;
        }
        return isPrintable(value) ? printable : 188 + value - printable;
    }

    private static boolean isPrintable(int b) {
        return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    }

    // ---------------------------------------------------------------------------------------------------- write

    @Test
    @EnabledIfSystemProperty(named = "millrace.write.savepoint", matches = ".+", disabledReason = "writes a savepoint")
    void writeASavepoint() throws Exception {
        Path directory = Path.of(System.getProperty("millrace.write.savepoint")).toAbsolutePath();
        assertThat(directory).as("a savepoint is written once").doesNotExist();
        Path savepoints = Objects.requireNonNull(directory.getParent());
        Path model = savepoints.resolve(MODEL);
        if (!Files.exists(model)) {
            Files.createDirectories(savepoints);
            SampleModel.write(model, SampleModel.Options.defaults().withGeometry(2, 32, 64, 4, 2, 8)
                    .withContextLength(512).withType(TensorType.F32));
        }
        JobOutput unstopped = undisturbed(model, "\u2620", "\u2620");
        String held = text(unstopped.completion("held-2")).substring(20, 1000) + "\u2620";
        String stopped = text(unstopped.completion("stopped-1"));
        String stop = stopped.substring(20, 1000);
        JobOutput undisturbed = undisturbed(model, held, stop);

        PromptFeed feed = new PromptFeed();
        JobOutput output = new JobOutput();
        String savepoint;
        try (LlamaJob job = LlamaJob.start(options(model), 1, feed, output)) {
            before().forEach(feed::add);
            output.await("idle-1", "held-1", "answered-1");
            // The engine would be through with all of it before a barrier comes: the task has to wait for it.
            CountDownLatch reached = new CountDownLatch(1);
            CountDownLatch open = new CountDownLatch(1);
            output.gate(delta -> {
                if (delta.getRequestId().equals("queued-1")) {
                    reached.countDown();
                    open.await();
                }
            });
            during(held, stop).forEach(feed::add);
            reached.await();
            CompletableFuture<String> saving = job.savepoint(savepoints);
            Thread.sleep(3_000);
            open.countDown();
            savepoint = saving.get(60, TimeUnit.SECONDS);
        }
        Files.move(Path.of(URI.create(savepoint)), directory);
        Set<String> unanswered = new TreeSet<>(undisturbed.completions().keySet());
        before().forEach(prompt -> unanswered.remove(prompt.getId()));
        write(directory.resolve(COMPLETIONS), CompletionEvent.getClassSchema(),
                unanswered.stream().map(undisturbed::completion).toList());
        write(directory.resolve(DELTAS), TokenDelta.getClassSchema(),
                unanswered.stream().flatMap(request -> undisturbed.deltas(request).stream()).toList());
    }

    private static String text(CompletionEvent completion) {
        return completion.getChoices().getFirst().getMessage().getContent();
    }

    private static JobOutput undisturbed(Path model, String held, String stop) throws Exception {
        PromptFeed feed = new PromptFeed();
        JobOutput output = new JobOutput();
        List<PromptEvent> prompts = Stream.of(before(), during(held, stop), afterwards()).flatMap(List::stream)
                .toList();
        try (LlamaJob _ = LlamaJob.start(options(model), 1, feed, output)) {
            prompts.forEach(feed::add);
            output.await(prompts.stream().map(PromptEvent::getId).collect(Collectors.toSet()));
        }
        return output;
    }

    private static <T extends SpecificRecordBase> void write(Path file, Schema schema, List<T> records)
            throws IOException {
        try (DataFileWriter<T> writer = new DataFileWriter<>(new SpecificDatumWriter<>(schema))) {
            writer.setCodec(CodecFactory.deflateCodec(9)).create(schema, file.toFile());
            for (T record : records) {
                writer.append(record);
            }
        }
    }
}
