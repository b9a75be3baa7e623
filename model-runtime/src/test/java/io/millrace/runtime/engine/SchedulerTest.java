package io.millrace.runtime.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.KvType;
import io.millrace.runtime.kv.PrefixCache;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Plans are written as the names of sequences with the number of positions that each computes. */
class SchedulerTest {
    private static final KvLayout LAYOUT = new KvLayout(1, 1, 2, KvType.F32);
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static TinyLlama llama;
    private KvBlockPool pool = new KvBlockPool(LAYOUT, LAYOUT.blockBytes());
    private @Nullable PrefixCache cache;
    private PromptLookup lookup = new PromptLookup(1, 0);
    /** Draws how many drafted tokens count. */
    private final Random acceptance = new Random(1);
    private Scheduler scheduler = new Scheduler(pool, 1, 1, 1, 1, new PromptLookup(1, 0));
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
    void turnsThatBeginAlikeWaitForTheOneThatComputesTheirBeginning() {
        blocks(40).sharing().seqs(8).budget(16);
        add("a", 70, 2);
        add("b", 70, 2);
        add("c", 40, 2);
        // Whole blocks below the last position are shared: 64 of 70, 32 of 40.
        assertThat(steps(9)).containsExactly("a16", "a16", "a16", "a16", "a6 b6 c4", "a1 b1 c4", "c1", "", "");
        assertThat(scheduler.prefixCacheHits()).isEqualTo(64 + 32);
        assertThat(scheduler.prefixCacheQueries()).isEqualTo(70 + 70 + 40);
    }

    @Test
    void aTurnTakesOverWhenTheOneItWaitedForEnds() {
        blocks(40).sharing().seqs(8).budget(16);
        Sequence a = add("a", 70, 2);
        add("b", 70, 2);
        assertThat(steps(2)).containsExactly("a16", "a16");
        end(a);
        assertThat(steps(3)).containsExactly("b16", "b16", "b6");
        assertThat(scheduler.prefixCacheHits()).isEqualTo(32);
    }

    @Test
    void turnsOfOtherSaltsAndOtherTokensDoNotWait() {
        blocks(40).sharing().seqs(8).budget(100);
        begin(new Sequence("", new Recorder(), pool, cache), Request.of(new int[40]).id("a"));
        begin(new Sequence("", new Recorder(), pool, cache), Request.of(new int[40]).id("b").cacheSalt("b"));
        int[] other = new int[40];
        other[3] = 1;
        begin(new Sequence("", new Recorder(), pool, cache), Request.of(other).id("c"));
        assertThat(steps(1)).containsExactly("a40 b40 c20");
    }

    @Test
    void sharedBlocksCountOnceWhenATurnStarts() {
        blocks(6).sharing().seqs(8).budget(100);
        add("a", 70, 9);
        assertThat(steps(1)).containsExactly("a70");
        // a has five blocks, four of which b shares: it needs one more, and there is one.
        add("b", 70, 9);
        assertThat(steps(1)).containsExactly("a1 b6");
        assertThat(pool.free()).isZero();
        add("c", 70, 1);
        assertThat(steps(1)).containsExactly("a1 b1");
    }

    @Test
    void onlyBlocksThatAreItsOwnAreExpectedOfAnIdleSequence() {
        blocks(7).sharing().seqs(8).budget(100);
        Sequence a = add("a", 70, 1);
        assertThat(steps(1)).containsExactly("a70");
        Sequence b = add("b", 70, 1);
        assertThat(steps(1)).containsExactly("b6");
        int[] other = new int[40];
        other[0] = 1;
        begin(new Sequence("", new Recorder(), pool, cache), Request.of(other).id("c").maxNewTokens(1));
        // One block is free and each of both would give one.
        assertThat(steps(1)).containsExactly("");
        assertThat(scheduler.evictions()).containsExactly(a, b);
        scheduler.release(a);
        scheduler.release(b);
        assertThat(steps(1)).containsExactly("c40");
    }

    @Test
    void draftsTakeRowsThatNothingElseNeeds() {
        lookup = new PromptLookup(1, 3);
        blocks(40).seqs(2).budget(12);
        Sequence a = add("a", 4, 100);
        Sequence b = add("b", 4, 100);
        scheduler.plan(false);
        // 12 rows and 5 rows of logits: each turn draws one, three are left.
        assertThat(List.of(a.drafted(), b.drafted())).containsExactly(3, 0);
        compute(List.of(a, b));
        add("c", 40, 1);
        scheduler.plan(false);
        assertThat(List.of(a.drafted(), b.drafted())).containsExactly(3, 0);
    }

    @Test
    void promptsGoBeforeDrafts() {
        lookup = new PromptLookup(1, 3);
        blocks(40).seqs(3).budget(12);
        Sequence a = add("a", 4, 100);
        compute(scheduler.plan(false));
        add("b", 40, 1);
        assertThat(names(scheduler.plan(false))).isEqualTo("a1 b11");
        assertThat(a.drafted()).isZero();
    }

    @Test
    void noMoreIsDraftedThanTheTurnMayStillSay() {
        lookup = new PromptLookup(1, 3);
        blocks(40).seqs(1).budget(12);
        Sequence a = add("a", 4, 3);
        scheduler.plan(false);
        assertThat(a.drafted()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void planningAllocatesNothing(boolean sharingAndSpeculating) {
        if (sharingAndSpeculating) {
            lookup = new PromptLookup(2, 3);
            blocks(4000).sharing().seqs(8).budget(64);
        } else {
            blocks(2000).seqs(8).budget(64);
        }
        for (int i = 0; i < 8; i++) {
            begin(new Sequence("", new Recorder(), pool, cache), "s", 10, 20_000, 0);
        }
        compute(scheduler.plan(false));
        int allocating = 0;
        for (int i = 0; i < 2000; i++) {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            List<Sequence> plan = scheduler.plan(false);
            allocating += THREADS.getCurrentThreadAllocatedBytes() > before ? 1 : 0;
            compute(plan);
        }
        // Arrays that grow by a part of their length, at most one of 8 sequences in a plan, are all there is.
        assertThat(allocating).isLessThan(100);
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
        blocks(capacity);
        if (seed % 4 > 0) {
            sharing();
        }
        if (seed % 4 == 3) {
            // Hashes say nothing: only the comparison of tokens tells blocks apart.
            cache = new PrefixCache(pool, (parent, tokens, from) -> 7);
        }
        lookup = new PromptLookup(1, random.nextInt(4));
        seqs(seqs).budget(budget);
        List<Sequence> all = new ArrayList<>();
        int started = 0;
        for (int step = 0; started < 30 || !scheduler.running().isEmpty() || !scheduler.waiting().isEmpty(); step++) {
            assertThat(step).as("steps").isLessThan(20_000);
            if (started < 30 && random.nextInt(4) == 0) {
                int prompt = 1 + random.nextInt(capacity * KvLayout.BLOCK_POSITIONS - 1);
                List<Sequence> idle = all.stream().filter(sequence -> !sequence.hasTurn()).toList();
                if (!idle.isEmpty() && random.nextBoolean()) {
                    begin(idle.get(random.nextInt(idle.size())), some(random, prompt));
                } else {
                    Sequence sequence = new Sequence("", new Recorder(), pool, cache);
                    all.add(sequence);
                    begin(sequence, some(random, prompt));
                }
                started++;
            }
            Sequence oldest = scheduler.running().isEmpty() ? null : scheduler.running().getFirst();
            List<Sequence> plan = scheduler.plan(false);
            assertThat(plan.stream().mapToInt(sequence -> sequence.scheduled() + sequence.drafted()).sum())
                    .isLessThanOrEqualTo(budget);
            assertThat(scheduler.running().size()).isLessThanOrEqualTo(seqs);
            for (Sequence sequence : plan) {
                assertThat(sequence.scheduled()).isPositive();
                assertThat(sequence.blocks().positions())
                        .isGreaterThanOrEqualTo(
                                sequence.computed() + sequence.scheduled() + sequence.drafted());
            }
            if (oldest != null) {
                assertThat(scheduler.running()).contains(oldest);
            }
            if (plan.isEmpty() && oldest != null) {
                assertThat(all.stream().anyMatch(Sequence::evictionRequested)).isTrue();
            }
            List.copyOf(scheduler.evictions()).forEach(scheduler::release);
            compute(plan);
            assertThat(distinctBlocks(all)).isEqualTo(capacity - pool.free());
            assertThatSharedBlocksAreFullAndHoldTheSame(all);
        }
        all.forEach(scheduler::release);
        assertThat(pool.free()).isEqualTo(capacity);
    }

    /** Prompts that begin alike for a while, of two salts. */
    private static Request some(Random random, int prompt) {
        int[] tokens = new int[prompt];
        if (random.nextBoolean()) {
            tokens[random.nextInt(prompt)] = 1;
        }
        return Request.of(tokens).maxNewTokens(1 + random.nextInt(50)).priority(random.nextInt(2))
                .cacheSalt(random.nextInt(3) == 0 ? "salt" : "");
    }

    private static long distinctBlocks(List<Sequence> sequences) {
        return sequences.stream()
                .flatMap(sequence -> IntStream.range(0, sequence.blocks().size()).mapToObj(sequence.blocks()::get))
                .distinct().count();
    }

    private static void assertThatSharedBlocksAreFullAndHoldTheSame(List<Sequence> sequences) {
        Map<Integer, List<Integer>> contents = new HashMap<>();
        for (Sequence sequence : sequences) {
            for (int i = 0; i < sequence.blocks().size(); i++) {
                int end = (i + 1) * KvLayout.BLOCK_POSITIONS;
                // Only what is below a sequence's computed positions never changes.
                List<Integer> content = end > sequence.computed()
                        ? List.of(-1, System.identityHashCode(sequence))
                        : IntStream.range(0, end).mapToObj(at -> sequence.tokens()[at]).toList();
                assertThat(contents.merge(sequence.blocks().get(i), content, (a, b) -> a)).isEqualTo(content);
            }
        }
    }

    private SchedulerTest blocks(int blocks) {
        pool.close();
        pool = new KvBlockPool(LAYOUT, blocks * LAYOUT.blockBytes());
        return this;
    }

    private SchedulerTest sharing() {
        cache = new PrefixCache(pool, PrefixCache.BlockHash.seeded());
        return this;
    }

    private int seqs;

    private SchedulerTest seqs(int maxNumSeqs) {
        seqs = maxNumSeqs;
        return this;
    }

    private void budget(int maxNumBatchedTokens) {
        scheduler = new Scheduler(pool, seqs, maxNumBatchedTokens, seqs + lookup.maxTokens(), 1, lookup);
    }

    private Sequence add(String name, int prompt, int maxNewTokens) {
        return add(name, prompt, maxNewTokens, 0);
    }

    private Sequence add(String name, int prompt, int maxNewTokens, int priority) {
        Sequence sequence = new Sequence("", new Recorder(), pool, cache);
        begin(sequence, name, prompt, maxNewTokens, priority);
        return sequence;
    }

    /** All tokens are 0, so a later turn keeps what is resident. */
    private void begin(Sequence sequence, String name, int prompt, int maxNewTokens, int priority) {
        begin(sequence, Request.of(new int[prompt]).id(name).maxNewTokens(maxNewTokens).priority(priority));
    }

    private void begin(Sequence sequence, Request request) {
        int contextLength = pool.capacity() * KvLayout.BLOCK_POSITIONS;
        sequence.begin(new Turn(request.build(), llama.tokenizer, contextLength, arrivals++, 0));
        scheduler.add(sequence);
    }

    private void end(Sequence sequence) {
        scheduler.finish(sequence);
    }

    /** Plans and computes some steps. */
    private List<String> steps(int count) {
        List<String> steps = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            List<Sequence> plan = scheduler.plan(false);
            steps.add(names(plan));
            compute(plan);
        }
        return steps;
    }

    private static String names(List<Sequence> plan) {
        return plan.stream().map(sequence -> sequence.turn().request.id() + sequence.scheduled())
                .collect(Collectors.joining(" "));
    }

    private void compute(List<Sequence> plan) {
        for (Sequence sequence : plan) {
            sequence.issue();
            sequence.advance(sequence.issued());
            int drafted = sequence.drafted();
            for (int i = 0; i <= drafted && sequence.computed() == sequence.known(); i++) {
                int draft = sequence.tokens()[Math.min(sequence.known(), sequence.tokens().length - 1)];
                boolean accepted = i < drafted && acceptance.nextBoolean();
                sequence.append(accepted ? draft : 0);
                if (sequence.known() >= sequence.turn().maxKnown) {
                    scheduler.finish(sequence);
                    break;
                }
                if (accepted) {
                    sequence.acceptDraft();
                }
            }
        }
    }
}
