package io.millrace.job.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.CompletionChoice;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.Logprobs;
import io.millrace.schemas.Message;
import io.millrace.schemas.PromptTokensDetails;
import io.millrace.schemas.TokenLogprob;
import io.millrace.schemas.Usage;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ComparisonTest {

    private static CompletionEvent completion(String id, String text, String finishReason, double logprob, int prompt,
            int cached, long created) {
        Logprobs logprobs = new Logprobs(List.of(new TokenLogprob("The", 1, logprob, List.of(84), List.of())));
        Message message = Message.newBuilder().setRole("assistant").setContent(text).build();
        return CompletionEvent.newBuilder().setId("cmpl-" + id).setRequestId(id).setCreated(created)
                .setChoices(List.of(new CompletionChoice(0, message, finishReason, logprobs)))
                .setUsage(new Usage(prompt, 5, prompt + 5, new PromptTokensDetails(cached), 0)).build();
    }

    private static final CompletionEvent WAS = completion("a", "The mill", "stop", -0.5, 10, 4, 1);

    private static Comparison compare(Map<String, CompletionEvent> undisturbed, CompletionEvent... disturbed) {
        Transcript transcript = new Transcript();
        Stream.of(disturbed).forEach(transcript::hear);
        return Comparison.of(undisturbed, transcript, Set.of());
    }

    @Test
    void timesAndCachedTokensMayDiffer() {
        assertThat(compare(Map.of("a", WAS), completion("a", "The mill", "stop", -0.5, 10, 0, 2)).clean()).isTrue();
    }

    static Stream<CompletionEvent> others() {
        return Stream.of(completion("a", "The mills", "stop", -0.5, 10, 4, 1),
                completion("a", "The mill", "length", -0.5, 10, 4, 1),
                completion("a", "The mill", "stop", Math.nextUp(-0.5), 10, 4, 1),
                completion("a", "The mill", "stop", -0.5, 11, 4, 1));
    }

    @ParameterizedTest
    @MethodSource("others")
    void anythingElseMayNot(CompletionEvent other) {
        Comparison comparison = compare(Map.of("a", WAS), other);

        assertThat(comparison.changed()).singleElement().asString().startsWith("a: ").contains("was", "is");
        assertThat(comparison.clean()).isFalse();
    }

    @Test
    void whatIsMissingIsLostAndWhatCameTwiceIsDuplicated() {
        CompletionEvent b = completion("b", "Once", "stop", 0, 3, 0, 1);
        Comparison comparison = compare(Map.of("a", WAS, "b", b), b, b);

        assertThat(comparison.lost()).containsExactly("a");
        assertThat(comparison.duplicated()).containsExactly("b");
        assertThat(comparison.clean()).isFalse();
    }

    @Test
    void anAnswerToWhatNobodyAskedIsAChange() {
        assertThat(compare(Map.of(), WAS).changed()).containsExactly("a: nobody asked");
    }

    @Test
    void aStreamedAnswerWithoutDeltasIsAMismatch() {
        Transcript transcript = new Transcript();
        transcript.hear(WAS);

        assertThat(Comparison.of(Map.of("a", WAS), transcript, Set.of("a")).deltaMismatches())
                .containsExactly("a: no deltas");
    }
}
