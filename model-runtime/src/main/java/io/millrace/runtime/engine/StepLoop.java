package io.millrace.runtime.engine;

import io.millrace.runtime.sampling.Alternative;
import io.millrace.runtime.kv.BlockTable;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.shard.Draw;
import io.millrace.runtime.shard.DrawnRows;
import io.millrace.runtime.shard.DrawnTokens;
import io.millrace.runtime.shard.Draws;
import io.millrace.runtime.shard.MicroBatch;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the engine thread does: plan, compute, draw, report. Everything here is on that thread. */
final class StepLoop {
    private static final Logger LOG = LoggerFactory.getLogger(StepLoop.class);

    private final KvBlockPool pool;
    private final ForwardPass forwardPass;
    private final Batch batch;
    private final Scheduler scheduler;
    private final Continuation continuation;
    private final StepObserver observer;
    private long steps;
    private long computedTokens;
    private long draftedTokens;
    private long acceptedTokens;

    /** What becomes of the rows that this process has computed. */
    sealed interface Continuation {
        /** They have logits, from which tokens are drawn here and now. */
        record Draw(Draws draws) implements Continuation {}

        /**
         * They go on through other shards, which draw.
         *
         * @param hidden gives the residual stream of so many rows
         */
        record Send(Flights flights, IntFunction<float[]> hidden) implements Continuation {}
    }

    StepLoop(EngineOptions options, KvBlockPool pool, ForwardPass forwardPass, Batch batch,
            Continuation continuation, StepObserver observer) {
        this.pool = pool;
        this.forwardPass = forwardPass;
        this.batch = batch;
        this.scheduler = new Scheduler(pool, options.maxNumSeqs(), options.maxNumBatchedTokens(), options.logitRows(),
                continuation instanceof Continuation.Send(Flights flights, _) ? flights.depth() : 1, options.lookup());
        this.continuation = continuation;
        this.observer = observer;
    }

    void submit(Sequence sequence, Turn turn) {
        sequence.begin(turn);
        scheduler.add(sequence);
        FinishReason finished;
        try {
            finished = turn.replay();
        } catch (RuntimeException e) {
            fail(sequence, e);
            return;
        }
        if (finished != null) {
            end(sequence, finished);
        }
    }

    void cancel(Sequence sequence) {
        if (sequence.hasTurn()) {
            end(sequence, FinishReason.CANCELLED);
        }
    }

    void release(Sequence sequence) {
        cancel(sequence);
        scheduler.release(sequence);
    }

    void cancelAll() {
        cancelAll(scheduler.running());
        cancelAll(scheduler.waiting());
    }

    private void cancelAll(List<Sequence> sequences) {
        while (!sequences.isEmpty()) {
            cancel(sequences.getLast());
        }
    }

    /** One step; false when nothing could be computed, and nothing can until a command or a deadline comes. */
    boolean step() {
        long now = System.nanoTime();
        expire(scheduler.running(), now);
        expire(scheduler.waiting(), now);
        int underWay = 0;
        if (continuation instanceof Continuation.Send(Flights flights, _)) {
            if (flights.full()) {
                return false;
            }
            underWay = flights.size();
        }
        List<Sequence> step = scheduler.plan(underWay > 0);
        boolean freed = requestEvictions();
        if (step.isEmpty()) {
            return freed;
        }
        restore(step);
        if (!step.isEmpty()) {
            compute(step);
        }
        return true;
    }

    private boolean requestEvictions() {
        boolean freed = false;
        for (int i = 0; i < scheduler.evictions().size(); i++) {
            Sequence sequence = scheduler.evictions().get(i);
            try {
                sequence.listener.onEvictionRequest();
            } catch (RuntimeException e) {
                LOG.error("A listener failed when it was asked for its blocks; they are released", e);
                scheduler.release(sequence);
                freed = true;
            }
        }
        return freed;
    }

    private void expire(List<Sequence> sequences, long now) {
        for (int i = sequences.size() - 1; i >= 0; i--) {
            if (sequences.get(i).turn().expired(now)) {
                end(sequences.get(i), FinishReason.DEADLINE);
            }
        }
    }

    private void restore(List<Sequence> step) {
        for (int i = step.size() - 1; i >= 0; i--) {
            Sequence sequence = step.get(i);
            try {
                sequence.restore();
            } catch (RuntimeException e) {
                step.remove(i);
                fail(sequence, e);
            }
        }
    }

    private void compute(List<Sequence> step) {
        long started = System.nanoTime();
        try {
            forward(step);
        } catch (RuntimeException e) {
            computeEach(List.copyOf(step), e);
            return;
        }
        goOn(step, started);
    }

    /**
     * After the step of {@code sequences} failed: computes them one by one, to the same bits. Those that fail alone end with an
     * error, and the others go on. When all of them fail and a step that is none of theirs does too, the engine does.
     */
    private void computeEach(List<Sequence> sequences, RuntimeException cause) {
        Map<Sequence, RuntimeException> failures = new LinkedHashMap<>();
        if (sequences.size() == 1) {
            failures.put(sequences.getFirst(), cause);
        } else {
            LOG.warn("A step of {} sequences failed; they are computed one by one", sequences.size(), cause);
            computeEach(sequences, failures);
        }
        if (failures.size() == sequences.size()) {
            computeControl(cause);
        }
        failures.forEach(this::fail);
    }

    /** Computes one position that belongs to nobody; throws {@code cause} when that fails. */
    private void computeControl(RuntimeException cause) {
        int block = pool.allocate();
        if (block < 0) {
            return;
        }
        BlockTable blocks = new BlockTable();
        blocks.append(block);
        batch.clear();
        batch.add(0, 0, blocks, true);
        try {
            forwardPass.compute(batch);
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
            throw cause;
        } finally {
            pool.release(block);
        }
    }

    private void computeEach(List<Sequence> sequences, Map<Sequence, RuntimeException> failures) {
        for (Sequence sequence : sequences) {
            List<Sequence> alone = List.of(sequence);
            long started = System.nanoTime();
            try {
                forward(alone);
            } catch (RuntimeException e) {
                failures.put(sequence, e);
                continue;
            }
            goOn(alone, started);
        }
    }

    private void forward(List<Sequence> step) {
        batch.clear();
        for (int i = 0; i < step.size(); i++) {
            Sequence sequence = step.get(i);
            int from = sequence.issued();
            int end = from + sequence.scheduled() + sequence.drafted();
            for (int position = from; position < end; position++) {
                boolean draws = position >= sequence.known() - 1;
                batch.add(sequence.tokens()[position], position, sequence.blocks(), draws);
            }
        }
        forwardPass.compute(batch);
    }

    /** What {@link #forward} computed is there. */
    private void goOn(List<Sequence> step, long started) {
        steps++;
        for (int i = 0; i < step.size(); i++) {
            step.get(i).issue();
        }
        switch (continuation) {
            case Continuation.Draw(Draws draws) -> draw(draws, step, started);
            case Continuation.Send(Flights flights, IntFunction<float[]> hidden) -> {
                float[] rows = hidden.apply(batch.rows());
                observer.computed(batch.rows(), step.size(), System.nanoTime() - started);
                flights.send(step, rows, pool.capacity() - pool.free(), started);
            }
        }
    }

    /** Draws, and reports. */
    private void draw(Draws draws, List<Sequence> step, long started) {
        draws.clear();
        for (int i = 0; i < step.size(); i++) {
            Sequence sequence = step.get(i);
            advance(sequence, sequence.issued(), sequence.scheduled(), sequence.drafted(), started);
            if (sequence.computed() == sequence.known()) {
                draws.add(sequence);
            }
        }
        draws.run();
        observer.computed(batch.rows(), step.size(), System.nanoTime() - started);
        int row = 0;
        for (int i = 0; i < step.size(); i++) {
            Sequence sequence = step.get(i);
            if (sequence.computed() == sequence.known()) {
                int rows = 1 + sequence.drafted();
                take(draws, sequence, row, rows);
                row += rows;
            }
        }
    }

    /** A step has come back from the other shards: reports. What its sequences have given up meanwhile is dropped. */
    void land(DrawnTokens drawn) {
        Flights flights = ((Continuation.Send) continuation).flights();
        Flights.Flight flight = flights.land(drawn);
        if (flight == null) {
            LOG.debug("Tokens of micro-batch {}, which is not under way, are dropped", drawn.number());
            return;
        }
        observer.landed(System.nanoTime() - flight.sent(), drawn.computeNanos());
        int next = 0;
        for (int i = 0; i < flight.parts().size(); i++) {
            boolean computed = next < drawn.parts().size() && drawn.parts().get(next).index() == i;
            if (flight.current(i)) {
                if (computed) {
                    land(flight, i, drawn.parts().get(next));
                } else {
                    restart(flight.sequences().get(i));
                }
            }
            next += computed ? 1 : 0;
        }
    }

    private void land(Flights.Flight flight, int index, DrawnTokens.Part drawn) {
        Sequence sequence = flight.sequences().get(index);
        MicroBatch.Part part = flight.parts().get(index);
        MicroBatch.RowDrawing drawing = part.rowDrawing();
        int drafted = drawing == null ? 0 : drawing.drafted();
        int rows = part.rows() - drafted;
        advance(sequence, part.position() + rows, rows, drafted, flight.started());
        if (drawing != null) {
            take(drawn.rows(), sequence, 0, 1 + drafted);
        }
    }

    /** Another shard lacks what was saved of the turn. */
    private void restart(Sequence sequence) {
        LOG.warn("Request {}: a shard lacks KV blocks that were saved; its {} tokens are computed again",
                sequence.turn().request.id(), sequence.known());
        scheduler.restart(sequence);
        try {
            sequence.listener.onSavedKvLost();
        } catch (RuntimeException e) {
            LOG.error("The listener of request {} failed when it was told so", sequence.turn().request.id(), e);
        }
    }

    private void advance(Sequence sequence, int to, int rows, int drafted, long started) {
        sequence.advance(to);
        computedTokens += rows;
        draftedTokens += drafted;
        sequence.turn().computed(to - rows, to, started);
    }

    /** Takes the tokens drawn from a sequence's rows, up to the first that is not the one drafted. */
    private void take(DrawnRows drawn, Sequence sequence, int row, int rows) {
        for (int i = 0; i < rows; i++) {
            if (i > 0) {
                sequence.acceptDraft();
                computedTokens++;
                acceptedTokens++;
            }
            int next = sequence.known();
            int draft = i < rows - 1 ? sequence.tokens()[next] : -1;
            take(sequence, drawn.row(row + i));
            if (!sequence.hasTurn() || sequence.tokens()[next] != draft) {
                return;
            }
        }
    }

    private void take(Sequence sequence, Draw drawn) {
        RuntimeException failure = drawn.failure();
        if (failure != null) {
            fail(sequence, failure);
            return;
        }
        Turn turn = sequence.turn();
        String text;
        FinishReason finish;
        try {
            sequence.append(drawn.token());
            turn.drew(System.nanoTime());
            text = turn.text.append(drawn.token());
            finish = turn.finishAfter(drawn.token(), sequence.known());
            if (finish != null) {
                text += turn.text.finish();
                finish = turn.text.stopped() ? FinishReason.STOP : finish;
            }
        } catch (RuntimeException e) {
            fail(sequence, e);
            return;
        }
        report(sequence, drawn.token(), text, drawn.logprob(), drawn.alternatives(), finish, null);
    }

    /** Ends a turn without a further token; text that was held back goes out. */
    private void end(Sequence sequence, FinishReason reason) {
        String text;
        try {
            text = sequence.turn().text.finish();
        } catch (RuntimeException e) {
            fail(sequence, e);
            return;
        }
        report(sequence, -1, text, Float.NaN, List.of(), reason, null);
    }

    /** Ends a turn that failed alone. Its blocks may hold what made it fail, so they go too, also from the prefix cache. */
    private void fail(Sequence sequence, RuntimeException cause) {
        LOG.warn("Request {} failed: {}", sequence.turn().request.id(), cause.toString());
        String error = cause.getMessage() == null ? cause.toString() : cause.getMessage();
        sequence.discard();
        report(sequence, -1, "", Float.NaN, List.of(), FinishReason.ERROR, error);
    }

    private void report(Sequence sequence, int token, String text, float logprob, List<Alternative> alternatives,
            @Nullable FinishReason finish, @Nullable String error) {
        Turn turn = sequence.turn();
        if (finish != null) {
            scheduler.finish(sequence);
            if (finish == FinishReason.ERROR) {
                scheduler.release(sequence);
            }
            sequence.busy.set(false);
        }
        GenerationStep step = new GenerationStep(token, text, logprob, alternatives, sequence.computed(), finish, error,
                turn.timing(System.nanoTime()));
        try {
            sequence.listener.onStep(step);
        } catch (RuntimeException e) {
            LOG.error("The listener of request {} failed; its turn and its blocks are dropped", turn.request.id(), e);
            if (finish == null) {
                scheduler.finish(sequence);
                sequence.busy.set(false);
            }
            scheduler.release(sequence);
        }
    }

    /** {@link System#nanoTime()} of the next deadline, {@link Long#MAX_VALUE} when there is none. */
    long nextDeadline() {
        return Math.min(nextDeadline(scheduler.running()), nextDeadline(scheduler.waiting()));
    }

    private static long nextDeadline(List<Sequence> sequences) {
        long next = Long.MAX_VALUE;
        for (int i = 0; i < sequences.size(); i++) {
            next = Math.min(next, sequences.get(i).turn().request.deadlineNanos());
        }
        return next;
    }

    EngineStats stats() {
        int underWay = continuation instanceof Continuation.Send(Flights flights, _) ? flights.size() : 0;
        return new EngineStats(scheduler.running().size(), scheduler.waiting().size(), pool.capacity() - pool.free(),
                pool.capacity(), steps, computedTokens, scheduler.cachedTokens(), scheduler.preemptions(),
                scheduler.prefixCacheQueries(), scheduler.prefixCacheHits(), draftedTokens, acceptedTokens, underWay);
    }
}
