package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Plans are written as the names of sequences with the number of positions that each computes. */
class SchedulerTest {
    private static final KvLayout LAYOUT = new KvLayout(1, 1, 2, KvType.F32);
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static TinyLlama llama;
    private KvBlockPool pool = new KvBlockPool(LAYOUT, LAYOUT.blockBytes());
    private Scheduler scheduler = new Scheduler(pool, 1, 1, 1, new PromptLookup(1, 0));
    private long arrivals;

    @BeforeAll
    static void write() throws IOException {
        llama = new TinyLlama();
    }

    @AfterAll
    static void delete() throws IOException {
        llama.close();
    }

    @AfterEach
    void free() {
        pool.close();
    }

    @Test
    void aPromptIsComputedInChunksAndThenTokenByToken() {
        blocks(10).seqs(4).budget(16);
        add("a", 40, 3);
        assertThat(steps(6)).containsExactly("a16", "a16", "a8", "a1", "a1", "");
    }

    @Test
    void decodingRowsComeFirstAndPromptsFillTheStep() {
        blocks(20).seqs(4).budget(8);
        add("a", 3, 9);
        add("b", 2, 9);
        assertThat(steps(1)).containsExactly("a3 b2");
        add("c", 13, 9);
        add("d", 5, 9);
        assertThat(steps(4)).containsExactly("a1 b1 c6", "a1 b1 c6", "a1 b1 c1 d5", "a1 b1 c1 d1");
    }

    @Test
    void noMoreThanTheAllowedNumberOfTurnsRun() {
        blocks(20).seqs(2).budget(100);
        add("a", 3, 1);
        add("b", 3, 2);
        add("c", 3, 2);
        assertThat(steps(4)).containsExactly("a3 b3", "b1 c3", "c1", "");
    }

    @Test
    void turnsStartByPriorityAndThenByArrival() {
        blocks(20).seqs(1).budget(100);
        add("a", 1, 1, 0);
        add("b", 2, 1, 1);
        add("c", 3, 1, -1);
        add("d", 4, 1, 0);
        add("e", 5, 1, -1);
        assertThat(steps(5)).containsExactly("c3", "e5", "a1", "d4", "b2");
    }

    @Test
    void aTurnStartsWhenAllItsPositionsFitAndNoOneOvertakesIt() {
        blocks(5).seqs(4).budget(100);
        Sequence a = add("a", 40, 8);
        assertThat(steps(1)).containsExactly("a40");
        add("b", 33, 1);
        add("c", 1, 1);
        assertThat(steps(2)).containsExactly("a1", "a1");
        end(a);
        scheduler.release(a);
        assertThat(steps(1)).containsExactly("b33 c1");
    }

    @Test
    void theLongestIdleSequenceIsAskedForBlocksOnce() {
        blocks(6).seqs(4).budget(100);
        Sequence a = add("a", 30, 1);
        Sequence b = add("b", 30, 1);
        assertThat(steps(1)).containsExactly("a30 b30");
        Sequence c = add("c", 40, 1);
        assertThat(steps(1)).containsExactly("");
        assertThat(scheduler.evictions()).containsExactly(a);
        assertThat(steps(1)).containsExactly("");
        assertThat(scheduler.evictions()).isEmpty();
        scheduler.release(a);
        assertThat(steps(1)).containsExactly("c40");
        // c holds 3 blocks and is the last to be asked, also when b ran before a did.
        add("d", 80, 1);
        assertThat(steps(1)).containsExactly("");
        assertThat(scheduler.evictions()).containsExactly(b, c);
    }

    @Test
    void aSequenceThatRanAgainIsAskedAgain() {
        blocks(4).seqs(4).budget(100);
        Sequence a = add("a", 30, 1);
        assertThat(steps(1)).containsExactly("a30");
        Sequence b = add("b", 40, 1);
        assertThat(steps(1)).containsExactly("");
        assertThat(scheduler.evictions()).containsExactly(a);
        end(b);
        // a runs another turn in its own blocks.
        begin(a, "a", 31, 1, 0);
        assertThat(steps(1)).containsExactly("a1");
        begin(b, "b", 40, 1, 0);
        assertThat(steps(1)).containsExactly("");
        assertThat(scheduler.evictions()).containsExactly(a);
    }

    @Test
    void idleSequencesAreAskedBeforeARunningTurnStandsStill() {
        blocks(3).seqs(4).budget(100);
        Sequence a = add("a", 30, 1);
        assertThat(steps(1)).containsExactly("a30");
        add("b", 10, 20);
        assertThat(steps(1)).containsExactly("b10");
        // Six more tokens fit the block that b has.
        assertThat(scheduler.evictions()).containsExactly(a);
        assertThat(steps(6)).containsExactly("b1", "b1", "b1", "b1", "b1", "b1");
        assertThat(steps(1)).containsExactly("");
        scheduler.release(a);
        assertThat(steps(1)).containsExactly("b1");
    }

    @Test
    void theRestGoesOnWhileOneTurnLacksABlockAndNoTurnStarts() {
        blocks(3).seqs(4).budget(100);
        Sequence w = add("w", 10, 1);
        assertThat(steps(1)).containsExactly("w10");
        add("a", 16, 9);
        add("b", 13, 9);
        assertThat(steps(1)).containsExactly("a16 b13");
        // w would not need a block.
        begin(w, "w", 11, 1, 0);
        assertThat(steps(3)).containsExactly("b1", "b1", "b1");
        assertThat(scheduler.waiting()).containsExactly(w);
        // Then no row fits, so w gives its block.
        assertThat(steps(1)).containsExactly("a1");
    }

    @Test
    void theYoungestTurnLosesItsBlocksWhenNoRowFits() {
        blocks(3).seqs(4).budget(100);
        add("a", 16, 3);
        Sequence b = add("b", 16, 3);
        Sequence c = add("c", 16, 3);
        assertThat(steps(1)).containsExactly("a16 b16 c16");
        // c gives its block for a; then b gives its one, which nobody needs before a has ended.
        assertThat(steps(1)).containsExactly("a1");
        assertThat(c.blocks().size()).isZero();
        assertThat(scheduler.waiting()).containsExactly(c);
        assertThat(b.blocks().size()).isOne();
        assertThat(scheduler.preemptions()).isOne();
    }

    @Test
    void preemptionFollowsPriorityNotArrival() {
        blocks(2).seqs(4).budget(100);
        Sequence low = add("low", 16, 3, 5);
        add("high", 16, 3, 1);
        assertThat(steps(1)).containsExactly("high16 low16");
        assertThat(steps(1)).containsExactly("high1");
        assertThat(scheduler.waiting()).containsExactly(low);
    }

    @Test
    void aPreemptedTurnGoesBeforeThoseThatCameLater() {
        blocks(4).seqs(4).budget(100);
        Sequence a = add("a", 32, 3);
        Sequence b = add("b", 32, 3);
        assertThat(steps(1)).containsExactly("a32 b32");
        Sequence c = add("c", 1, 1);
        assertThat(steps(1)).containsExactly("a1");
        assertThat(scheduler.waiting()).containsExactly(b, c);
        end(a);
        scheduler.release(a);
        // Its own token of the first step included.
        assertThat(steps(1)).containsExactly("b33 c1");
    }

    @Test
    void blocksOfAWaitingTurnAreTakenBeforeThoseOfARunningOne() {
        blocks(4).seqs(2).budget(100);
        Sequence w = add("w", 16, 1);
        assertThat(steps(1)).containsExactly("w16");
        add("a", 16, 3);
        add("b", 32, 3);
        assertThat(steps(1)).containsExactly("a16 b32");
        begin(w, "w", 17, 1, 0);
        assertThat(steps(1)).containsExactly("a1");
        assertThat(w.blocks().size()).isZero();
        assertThat(scheduler.running()).hasSize(2);
    }

    @Test
    void blocksOfLaterWaitingTurnsAreTakenWhenTheFirstCannotStart() {
        blocks(4).seqs(2).budget(100);
        Sequence w = add("w", 32, 1);
        assertThat(steps(1)).containsExactly("w32");
        add("a", 60, 1);
        begin(w, "w", 33, 1, 0);
        assertThat(steps(1)).containsExactly("a60");
        assertThat(w.blocks().size()).isZero();
    }

    @Test
    void residentBlocksCountWhenATurnStarts() {
        blocks(4).seqs(2).budget(100);
        Sequence a = add("a", 48, 1);
        assertThat(steps(1)).containsExactly("a48");
        begin(a, "a", 60, 1, 0);
        assertThat(steps(1)).containsExactly("a12");
        assertThat(scheduler.cachedTokens()).isEqualTo(48);
    }

    @Test
    void planningAllocatesNothing() {
        blocks(2000).seqs(8).budget(64);
        for (int i = 0; i < 8; i++) {
            begin(new Sequence(new Recorder(), pool, null), "s", 10, 20_000, 0);
        }
        compute(scheduler.plan());
        long planned = 0;
        for (int i = 0; i < 2000; i++) {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            List<Sequence> plan = scheduler.plan();
            planned += THREADS.getCurrentThreadAllocatedBytes() - before;
            compute(plan);
        }
        // Block tables that double are all there is: less than one object in two plans.
        assertThat(planned).isLessThan(2000 * 8);
    }

    static IntStream seeds() {
        return IntStream.range(0, 200);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyTurnEndsAndNothingIsLost(int seed) {
        Random random = new Random(seed);
        int capacity = 2 + random.nextInt(10);
        int budget = 1 + random.nextInt(40);
        int seqs = 1 + random.nextInt(5);
        blocks(capacity).seqs(seqs).budget(budget);
        List<Sequence> all = new ArrayList<>();
        int started = 0;
        for (int step = 0; started < 30 || !scheduler.running().isEmpty() || !scheduler.waiting().isEmpty(); step++) {
            assertThat(step).as("steps").isLessThan(20_000);
            if (started < 30 && random.nextInt(4) == 0) {
                int prompt = 1 + random.nextInt(capacity * KvLayout.BLOCK_POSITIONS - 1);
                List<Sequence> idle = all.stream().filter(sequence -> !sequence.hasTurn()).toList();
                if (!idle.isEmpty() && random.nextBoolean()) {
                    begin(idle.get(random.nextInt(idle.size())), "again", prompt, 1 + random.nextInt(50),
                            random.nextInt(2));
                } else {
                    all.add(add("new", prompt, 1 + random.nextInt(50), random.nextInt(2)));
                }
                started++;
            }
            Sequence oldest = scheduler.running().isEmpty() ? null : scheduler.running().getFirst();
            List<Sequence> plan = scheduler.plan();
            assertThat(plan.stream().mapToInt(Sequence::scheduled).sum()).isLessThanOrEqualTo(budget);
            assertThat(scheduler.running().size()).isLessThanOrEqualTo(seqs);
            for (Sequence sequence : plan) {
                assertThat(sequence.scheduled()).isPositive();
                assertThat(sequence.blocks().positions())
                        .isGreaterThanOrEqualTo(sequence.computed() + sequence.scheduled());
            }
            if (oldest != null) {
                assertThat(scheduler.running()).contains(oldest);
            }
            if (plan.isEmpty() && oldest != null) {
                assertThat(all.stream().anyMatch(Sequence::evictionRequested)).isTrue();
            }
            List.copyOf(scheduler.evictions()).forEach(scheduler::release);
            compute(plan);
            assertThat(all.stream().mapToInt(sequence -> sequence.blocks().size()).sum())
                    .isEqualTo(capacity - pool.free());
        }
        all.forEach(scheduler::release);
        assertThat(pool.free()).isEqualTo(capacity);
    }

    private SchedulerTest blocks(int blocks) {
        pool.close();
        pool = new KvBlockPool(LAYOUT, blocks * LAYOUT.blockBytes());
        return this;
    }

    private int seqs;

    private SchedulerTest seqs(int maxNumSeqs) {
        seqs = maxNumSeqs;
        return this;
    }

    private void budget(int maxNumBatchedTokens) {
        scheduler = new Scheduler(pool, seqs, maxNumBatchedTokens, seqs, new PromptLookup(1, 0));
    }

    private Sequence add(String name, int prompt, int maxNewTokens) {
        return add(name, prompt, maxNewTokens, 0);
    }

    private Sequence add(String name, int prompt, int maxNewTokens, int priority) {
        Sequence sequence = new Sequence(new Recorder(), pool, null);
        begin(sequence, name, prompt, maxNewTokens, priority);
        return sequence;
    }

    /** All tokens are 0, so a later turn keeps what is resident. */
    private void begin(Sequence sequence, String name, int prompt, int maxNewTokens, int priority) {
        GenerationRequest request = Request.of(new int[prompt]).id(name).maxNewTokens(maxNewTokens).priority(priority)
                .build();
        int contextLength = pool.capacity() * KvLayout.BLOCK_POSITIONS;
        sequence.begin(new Turn(request, llama.tokenizer, contextLength, arrivals++, 0));
        scheduler.add(sequence);
    }

    private void end(Sequence sequence) {
        scheduler.finish(sequence);
    }

    /** Plans and computes some steps. */
    private List<String> steps(int count) {
        List<String> steps = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Sequence> plan = scheduler.plan();
            steps.add(plan.stream().map(sequence -> sequence.turn().request.id() + sequence.scheduled())
                    .collect(Collectors.joining(" ")));
            compute(plan);
        }
        return steps;
    }

    private void compute(List<Sequence> plan) {
        for (Sequence sequence : plan) {
            sequence.advance();
            if (sequence.computed() == sequence.known()) {
                sequence.append(0);
                if (sequence.known() >= sequence.turn().maxKnown) {
                    scheduler.finish(sequence);
                }
            }
        }
    }
}
