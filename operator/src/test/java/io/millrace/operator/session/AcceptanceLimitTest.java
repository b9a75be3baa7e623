package io.millrace.operator.session;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class AcceptanceLimitTest {
    private final AcceptanceLimit limit = new AcceptanceLimit(4);

    @Test
    void soManyAreEnough() {
        assertThat(limit.reached(3)).isFalse();
        assertThat(limit.reached(4)).isTrue();
    }

    @Test
    void thereIsNoLimitUntilTheBarrierOfASavepointHasCome() {
        limit.expect(7);
        assertThat(limit.reached(400)).isFalse();
        limit.snapshot(6);
        assertThat(limit.reached(400)).isFalse();
        limit.snapshot(7);
        assertThat(limit.reached(400)).isTrue();
    }

    @Test
    void eachOfTwoSavepointsIsWaitedFor() {
        limit.expect(7);
        limit.expect(8);
        limit.aborted(8);
        assertThat(limit.reached(4)).isFalse();
        limit.aborted(7);
        assertThat(limit.reached(4)).isTrue();
    }

    @Test
    void aBarrierThatComesEndsTheWaitForEarlierOnes() {
        limit.expect(7);
        limit.snapshot(8);
        assertThat(limit.reached(4)).isTrue();
    }

    @Test
    void aLateWordOfASavepointDoesNothing() {
        limit.snapshot(7);
        limit.expect(7);
        assertThat(limit.reached(4)).isTrue();
    }
}
