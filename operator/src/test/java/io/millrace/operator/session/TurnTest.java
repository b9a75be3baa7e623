package io.millrace.operator.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.runtime.sampling.SamplingParameters;
import io.millrace.schemas.TokenLogprob;
import io.millrace.schemas.state.RunningTurn;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TurnTest {

    @Test
    void aTurnSurvivesACheckpointWithItsParametersAndWhatItHasSaid() {
        Turn turn = new Turn(new Turn.Parameters(
                new SamplingParameters(0.5f, 7, 0.8f, 0.1f, 1.1f, 0.2f, -0.3f, Map.of(5, -1.5f), 99), 100,
                List.of("END", "\n"), 3, -2, 12_345L, true, false), 10, 25);
        turn.text.append("So far");
        turn.logprobs.add(TokenLogprob.newBuilder().setToken("So").setTokenId(4).setLogprob(-0.5).build());
        turn.streamedChars = 4;
        turn.deltaSeq = 2;
        turn.cachedTokens = 9;
        turn.queueMillis = 1.5;
        turn.firstTokenMillis = 1_700_000_000_000.25;

        RunningTurn record = turn.toRecord();
        Turn restored = Turn.of(record);
        assertThat(restored.parameters).isEqualTo(turn.parameters);
        assertThat(restored.toRecord()).isEqualTo(record);
        assertThat(restored.text).hasToString("So far");
        assertThat(restored.historyTokens).isEqualTo(10);
        assertThat(restored.promptTokens).isEqualTo(25);
        assertThat(restored.firstTokenMillis).isEqualTo(1_700_000_000_000.25);
    }

    @Test
    void aRestoredTurnKnowsThatItHasBegunAToolCall() {
        Turn turn = new Turn(new Turn.Parameters(SamplingParameters.GREEDY, 1, List.of(), -1, 0, null, true, true), 0,
                1);
        turn.resumed(new int[]{4, 5}, 9, 0);
        assertThat(turn.pythonTagged).isFalse();
        turn.resumed(new int[]{4, 9, 5}, 9, 0);
        assertThat(turn.pythonTagged).isTrue();
    }
}
