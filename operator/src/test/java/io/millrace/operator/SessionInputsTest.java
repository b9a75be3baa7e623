package io.millrace.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.state.Origin;
import io.millrace.schemas.state.SessionInput;
import java.nio.ByteBuffer;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SessionInputsTest {

    @Test
    void aPromptBelongsToItsConversation() {
        assertThat(SessionInputs.key(SessionInputs.of(prompt("r1", "chat"), null))).isEqualTo("c:chat");
    }

    @Test
    void aStatelessPromptNeverSharesAKeyWithAConversationOfTheSameName() {
        assertThat(SessionInputs.key(SessionInputs.of(prompt("x", null), null)))
                .isNotEqualTo(SessionInputs.key(SessionInputs.of(prompt("r1", "x"), null)));
    }

    @Test
    void aControlReachesTheSessionOfThePromptItMeans() {
        SessionControl cancel = new SessionControl("cancel", null, "r1");
        SessionControl end = new SessionControl("end_session", "chat", null);
        assertThat(SessionInputs.key(SessionInputs.of(cancel, null)))
                .isEqualTo(SessionInputs.key(SessionInputs.of(prompt("r1", null), null)));
        assertThat(SessionInputs.key(SessionInputs.of(end, null)))
                .isEqualTo(SessionInputs.key(SessionInputs.of(prompt("r1", "chat"), null)));
    }

    @Test
    void anInputThatNamesNothingStillHasAKey() {
        assertThat(SessionInputs.key(new SessionInput())).isNotNull();
        assertThat(SessionInputs.key(SessionInputs.of(prompt("", null), null))).isNotNull();
    }

    @Test
    void theKeyIsTheSameBeforeAndAfterTheNetwork() throws Exception {
        SessionInput input = SessionInputs.of(prompt("r1", "broken \uD800 surrogate"), null);
        assertThat(SessionInputs.key(roundTrip(input))).isEqualTo(SessionInputs.key(input));
    }

    @Test
    void anInputSurvivesTheNetworkWithItsOrigin() throws Exception {
        Origin origin = new Origin("prompts", 3, 42L, 1_000L, ByteBuffer.wrap(new byte[]{1, 2}),
                ByteBuffer.wrap(new byte[]{3, 4, 5}));
        SessionInput input = SessionInputs.of(prompt("r1", "chat"), origin);
        assertThat(roundTrip(input)).isEqualTo(input);
    }

    private static SessionInput roundTrip(SessionInput input) throws Exception {
        TypeSerializer<SessionInput> serializer = SessionInputs.TYPE.createSerializer(new SerializerConfigImpl());
        DataOutputSerializer out = new DataOutputSerializer(64);
        serializer.serialize(input, out);
        return serializer.deserialize(new DataInputDeserializer(out.getCopyOfBuffer()));
    }

    private static PromptEvent prompt(String id, @Nullable String conversation) {
        return PromptEvent.newBuilder().setId(id).setConversationId(conversation).build();
    }
}
