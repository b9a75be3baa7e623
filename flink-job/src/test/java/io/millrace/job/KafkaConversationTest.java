package io.millrace.job;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.job.embedded.EmbeddedCluster;
import io.millrace.job.format.EventFormat;
import io.millrace.job.kafka.KafkaOptions;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.TokenDelta;
import io.millrace.schemas.TokenLogprob;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Conversations from Kafka to Kafka: a turn reuses all that earlier ones computed, and says what one run over all says. */
class KafkaConversationTest {
    private static final int MAX_TOKENS = 12;
    private static final double TEMPERATURE = 0.8;
    private static final String FIRST = "Tell me about the mill by the river.";
    private static final String SECOND = "And who lives there now?";

    private static JobFixture fixture;
    private static DirectEngine direct;

    @BeforeAll
    static void start(@TempDir Path directory) throws Exception {
        fixture = new JobFixture(directory);
        direct = new DirectEngine(fixture.model());
    }

    @AfterAll
    static void stop() {
        direct.close();
        fixture.close();
    }

    private static PromptEvent prompt(String conversation, int turn, String text) {
        return PromptEvent.newBuilder().setId(conversation + "-" + turn).setConversationId(conversation).setTurn(turn)
                .setMessages(List.of(Message.newBuilder().setRole("user").setContent(text).build())).setStream(true)
                .setMaxCompletionTokens(MAX_TOKENS).setTemperature(TEMPERATURE).setSeed((long) turn).setLogprobs(true)
                .build();
    }

    private static List<Integer> ids(CompletionEvent completion) {
        return completion.getChoices().getFirst().getLogprobs().getContent().stream().map(TokenLogprob::getTokenId)
                .collect(Collectors.toCollection(ArrayList::new));
    }

    /** Both turns of a conversation, against the engine alone. */
    private static void assertBothTurnsAreRight(String first, String second, CompletionEvent one, CompletionEvent two)
            throws Exception {
        List<Integer> history = direct.conversationStart();
        history.addAll(direct.ask(first));
        assertThat(one.getError()).isNull();
        assertThat(one.getUsage().getPromptTokens()).isEqualTo(history.size());
        assertThat(one.getUsage().getPromptTokensDetails().getCachedTokens() % KvLayout.BLOCK_POSITIONS)
                .as("turn one may share whole blocks of a beginning that another conversation computed").isZero();
        assertThat(ids(one)).isEqualTo(direct.generate(history, MAX_TOKENS, TEMPERATURE, 1));

        history.addAll(ids(one));
        int computedByTurnOne = history.size() - 1; // the last token was drawn, but nothing was computed from it
        if (!direct.stopTokens().contains(history.getLast())) {
            history.add(direct.endOfTurn());
        }
        history.addAll(direct.ask(second));
        assertThat(two.getError()).isNull();
        assertThat(two.getUsage().getPromptTokens()).isEqualTo(history.size());
        assertThat(two.getUsage().getPromptTokensDetails().getCachedTokens()).isEqualTo(computedByTurnOne);
        assertThat(ids(two)).isEqualTo(direct.generate(history, MAX_TOKENS, TEMPERATURE, 2));
    }

    @ParameterizedTest
    @EnumSource
    void turnTwoReusesAllThatTurnOneComputed(EventFormat format) throws Exception {
        Configuration options = fixture.options().set(KafkaOptions.FORMAT, format);
        try (EmbeddedCluster job = fixture.start(options); EventsClient client = fixture.client(options, format)) {
            client.send(prompt("c1", 1, FIRST));
            CompletionEvent one = client.completion("c1-1");
            client.send(prompt("c1", 2, SECOND));
            CompletionEvent two = client.completion("c1-2");

            assertBothTurnsAreRight(FIRST, SECOND, one, two);
            assertThat(one.getUsage().getPromptTokensDetails().getCachedTokens()).isZero();
            assertThat(two.getTurn()).isEqualTo(2);
            assertThat(two.getConversationId()).isEqualTo("c1");
            List<TokenDelta> deltas = client.deltas("c1-2");
            assertThat(deltas).extracting(TokenDelta::getSeq).startsWith(0).isSorted().doesNotHaveDuplicates();
            assertThat(deltas.stream().map(delta -> delta.getChoices().getFirst().getDelta().getContent())
                    .map(text -> text == null ? "" : text).collect(Collectors.joining()))
                    .isEqualTo(two.getChoices().getFirst().getMessage().getContent());
            assertThat(job.status()).isEqualTo(JobStatus.RUNNING);
        }
    }

    @Test
    void conversationsThatRunAtTheSameTimeDoNotChangeEachOther() throws Exception {
        Configuration options = fixture.options();
        try (EmbeddedCluster job = fixture.start(options);
                EventsClient client = fixture.client(options, EventFormat.JSON)) {
            for (int turn = 1; turn <= 2; turn++) {
                for (int i = 0; i < 32; i++) {
                    client.send(prompt("c" + i, turn, (turn == 1 ? FIRST : SECOND) + " " + "x".repeat(i)));
                }
            }
            for (int i = 0; i < 32; i++) {
                String tail = " " + "x".repeat(i);
                assertBothTurnsAreRight(FIRST + tail, SECOND + tail, client.completion("c" + i + "-1"),
                        client.completion("c" + i + "-2"));
            }
            assertThat(client.completions()).hasSize(64);
            assertThat(job.status()).isEqualTo(JobStatus.RUNNING);
        }
    }

    @ParameterizedTest
    @CsvSource({"rocksdb, rocksdb", "hashmap, hashmap", "rocksdb, hashmap"})
    void aSavepointBetweenTheTurnsLosesNothing(String backend, String backendAfter) throws Exception {
        Configuration options = fixture.options().set(StateBackendOptions.STATE_BACKEND, backend);
        try (EventsClient client = fixture.client(options, EventFormat.JSON)) {
            CompletionEvent one;
            String savepoint;
            try (EmbeddedCluster job = fixture.start(options)) {
                client.send(prompt("c1", 1, FIRST));
                one = client.completion("c1-1");
                savepoint = job.stopWithSavepoint(fixture.savepoints());
            }
            client.send(prompt("c1", 2, SECOND));
            Configuration restored = new Configuration(options).set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint)
                    .set(StateBackendOptions.STATE_BACKEND, backendAfter);
            try (EmbeddedCluster job = fixture.start(restored)) {
                assertBothTurnsAreRight(FIRST, SECOND, one, client.completion("c1-2"));
                assertThat(client.completions()).hasSize(2);
                assertThat(job.status()).isEqualTo(JobStatus.RUNNING);
            }
        }
    }
}
