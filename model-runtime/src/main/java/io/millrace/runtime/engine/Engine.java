package io.millrace.runtime.engine;

import io.millrace.runtime.kernels.KernelProvider;
import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.kv.KvBlockPool;
import io.millrace.runtime.kv.KvLayout;
import io.millrace.runtime.kv.PrefixCache;
import io.millrace.runtime.model.Batch;
import io.millrace.runtime.model.Decoder;
import io.millrace.runtime.model.LlamaModel;
import io.millrace.runtime.shard.Downstream;
import io.millrace.runtime.shard.Draws;
import io.millrace.runtime.shard.DrawnTokens;
import io.millrace.runtime.tokenizer.Tokenizer;
import io.millrace.runtime.weights.LlamaConfig;
import io.millrace.runtime.weights.LlamaWeights;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Generates for many sequences at once, each step one forward pass over whatever they need next. Callers of any thread leave
 * commands; the engine's one thread obeys them between steps, computes, and tells each sequence's listener.
 *
 * <p>What a turn generates depends on its request alone: not on the others in the batch, on chunking, on what was resident or
 * restored, or on preemptions.
 */
public final class Engine implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Engine.class);

    private final LlamaConfig config;
    private final Tokenizer tokenizer;
    private final KvBlockPool pool;
    private final @Nullable PrefixCache prefixCache;
    private final WorkerPool workers;
    private final StepLoop loop;
    private final StepObservers observers = new StepObservers();
    private final Thread thread;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition wakeUp = lock.newCondition();
    // Guarded by the lock. Sequences that nobody holds any more need not hear of a failure.
    private final Set<Sequence> opened = Collections.newSetFromMap(new WeakHashMap<>());
    private List<Command> commands = new ArrayList<>();
    private long submitted;
    private boolean closing;
    private @Nullable Throwable failure;

    /** What the engine thread has yet to obey. */
    private List<Command> taken = new ArrayList<>();
    private volatile EngineStats stats;

    private sealed interface Command {}

    private record Submit(Sequence sequence, Turn turn) implements Command {}

    private record Cancel(Sequence sequence) implements Command {}

    private record Release(Sequence sequence) implements Command {}

    private record Land(DrawnTokens drawn) implements Command {}

    /**
     * Starts an engine of a whole model, and its threads.
     *
     * @param model the engine does not own it: close it after the engine
     * @throws IllegalArgumentException when the tokenizer is not the model's, or the KV budget holds not one block
     */
    public static Engine start(LlamaModel model, EngineOptions options) {
        return start(model, options, null);
    }

    /**
     * Starts an engine, and its threads.
     *
     * @param model the engine does not own it: close it after the engine. All layers, or the first ones
     * @param shards that have the other layers; null when there are none. What they draw comes to {@link #land}
     * @throws IllegalArgumentException as {@link #start(LlamaModel, EngineOptions)}
     */
    public static Engine start(LlamaModel model, EngineOptions options, @Nullable Downstream shards) {
        LlamaWeights weights = model.weights();
        Tokenizer tokenizer = model.tokenizer();
        if (tokenizer.vocabularySize() != weights.config().vocabSize()) {
            throw new IllegalArgumentException("the tokenizer has " + tokenizer.vocabularySize() + " tokens, the model "
                    + weights.config().vocabSize() + ": use the model's own tokenizer");
        }
        Engine engine = new Engine(model, options, shards);
        LOG.info("Engine started: {}, {}, context {} of {} positions, KV for {} positions in {} blocks", weights.name(),
                options, engine.contextLength(), weights.config().contextLength(), engine.kvCapacityPositions(),
                engine.pool.capacity());
        engine.thread.start();
        return engine;
    }

    private Engine(LlamaModel model, EngineOptions options, @Nullable Downstream shards) {
        this.config = model.weights().config();
        this.tokenizer = model.tokenizer();
        int rows = options.maxNumBatchedTokens();
        int logitRows = options.logitRows();
        this.pool = new KvBlockPool(KvLayout.of(config, model.weights().range(), options.kvType()),
                options.kvBytes());
        this.prefixCache = options.prefixCaching() ? new PrefixCache(pool, PrefixCache.BlockHash.seeded()) : null;
        this.workers = new WorkerPool(options.threads());
        Decoder decoder;
        try {
            decoder = new Decoder(model.weights(), model.packed(), KernelProvider.kernels(), workers, pool, rows,
                    logitRows);
        } catch (RuntimeException | Error e) {
            workers.close();
            pool.close();
            throw e;
        }
        StepLoop.Continuation continuation = shards == null
                ? new StepLoop.Continuation.Draw(new Draws(decoder, workers, config.vocabSize(), logitRows))
                : new StepLoop.Continuation.Send(new Flights(shards), count -> hidden(decoder, count));
        this.loop = new StepLoop(options, pool, decoder::forward, new Batch(rows, logitRows), continuation,
                observers);
        this.stats = loop.stats();
        this.thread = Thread.ofPlatform().name("millrace-engine").daemon().unstarted(this::run);
    }

    private float[] hidden(Decoder decoder, int rows) {
        float[] hidden = new float[rows * config.hidden()];
        decoder.hidden(hidden);
        return hidden;
    }

    /** A new sequence without tokens and blocks, which reports to {@code listener}. Any thread. */
    public Sequence open(GenerationListener listener) {
        return open("", listener);
    }

    /**
     * A new sequence without tokens and blocks. Any thread.
     *
     * @param name under which other shards know the sequence: one sequence at a time has it
     * @param listener to which it reports
     */
    public Sequence open(String name, GenerationListener listener) {
        Sequence sequence = new Sequence(name, listener, pool, prefixCache);
        lock.lock();
        try {
            opened.add(sequence);
        } finally {
            lock.unlock();
        }
        return sequence;
    }

    /**
     * Begins a turn. The sequence's listener hears of each token and, in exactly one step with a finish reason, of the end.
     * Any thread, also a listener's.
     *
     * @throws IllegalArgumentException when the request can never be served: more tokens than the context or the KV budget
     *         hold, ids outside the vocabulary, an empty stop string
     * @throws IllegalStateException when a turn of this sequence runs already, or the engine is closed or has failed
     */
    public void submit(Sequence sequence, GenerationRequest request) {
        if (!sequence.isOf(pool)) {
            throw new IllegalArgumentException(request.id() + ": the sequence was opened by another engine");
        }
        check(request);
        long now = System.nanoTime();
        lock.lock();
        try {
            requireOpen();
            Turn turn = new Turn(request, tokenizer, contextLength(), submitted++, now);
            if (!sequence.busy.compareAndSet(false, true)) {
                throw new IllegalStateException(request.id() + ": a turn of this sequence runs already");
            }
            commands.add(new Submit(sequence, turn));
            wakeUp.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Ends the running turn, if there is one, with {@link FinishReason#CANCELLED}; its blocks stay. Any thread. */
    public void cancel(Sequence sequence) {
        command(new Cancel(sequence));
    }

    /**
     * Cancels the running turn, if there is one, and frees the sequence's blocks. Any thread. The sequence may be submitted
     * again, also at once: its next turn starts without blocks.
     */
    public void release(Sequence sequence) {
        command(new Release(sequence));
    }

    /** Brings what the other shards drew from a micro-batch of this engine's. Any thread. */
    public void land(DrawnTokens drawn) {
        command(new Land(drawn));
    }

    /** Tokens that a sequence may have: the model's context, or what the KV budget holds if that is less. */
    public int contextLength() {
        return (int) Math.min(config.contextLength(), kvCapacityPositions());
    }

    /** Positions that all blocks together hold. */
    public long kvCapacityPositions() {
        return (long) pool.capacity() * KvLayout.BLOCK_POSITIONS;
    }

    /** How a block is laid out. */
    public KvLayout kvLayout() {
        return pool.layout();
    }

    /** Any thread. */
    public EngineStats stats() {
        return stats;
    }

    /** Tells {@code observer} of every batch from now on. Any thread. */
    public void observe(StepObserver observer) {
        observers.add(observer);
    }

    /** Tells {@code observer} of no batch that begins from now on. Any thread. */
    public void stopObserving(StepObserver observer) {
        observers.remove(observer);
    }

    /**
     * Stops the engine: running turns end with {@link FinishReason#CANCELLED}, the threads end, the arena is freed. Waits for
     * the step that runs, unless a listener calls it. Closing again does nothing.
     */
    @Override
    public void close() {
        lock.lock();
        try {
            closing = true;
            wakeUp.signal();
        } finally {
            lock.unlock();
        }
        boolean interrupted = false;
        while (thread.isAlive() && Thread.currentThread() != thread) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true; // the arena must not outlive this call
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void check(GenerationRequest request) {
        int prompt = request.tokens().length - request.generated();
        require(prompt < config.contextLength(), request,
                prompt + " prompt tokens leave no room in the model's context of " + config.contextLength());
        require(prompt < kvCapacityPositions(), request, prompt + " prompt tokens leave no room in the KV budget of "
                + kvCapacityPositions() + " positions; raise kvBytes");
        require(request.tokens().length <= contextLength(), request,
                request.tokens().length + " tokens are more than the " + contextLength() + " that a sequence may have");
        for (int token : request.tokens()) {
            require(token >= 0 && token < config.vocabSize(), request,
                    "token " + token + " is not in the vocabulary of "
                            + config.vocabSize());
        }
        for (int token : request.sampling().logitBias().keySet()) {
            require(token < config.vocabSize(), request,
                    "logit_bias of token " + token + ": not in the vocabulary of " + config.vocabSize());
        }
        require(request.maxNewTokens() >= 0, request, "maxNewTokens " + request.maxNewTokens() + " is negative");
        require(request.topLogprobs() >= -1 && request.topLogprobs() <= config.vocabSize(), request,
                "topLogprobs " + request.topLogprobs() + " is not between -1 and " + config.vocabSize());
    }

    private static void require(boolean holds, GenerationRequest request, String message) {
        if (!holds) {
            throw new IllegalArgumentException(request.id() + ": " + message);
        }
    }

    private void requireOpen() {
        if (failure != null) {
            throw new IllegalStateException("the engine failed: " + failure, failure);
        }
        if (closing) {
            throw new IllegalStateException("the engine is closed");
        }
    }

    /** After the engine's end there is nothing to cancel or to release. */
    private void command(Command command) {
        lock.lock();
        try {
            if (!closing && failure == null) {
                commands.add(command);
                wakeUp.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        try {
            boolean worked = true;
            while (awaitCommands(worked)) {
                obeyCommands();
                worked = loop.step();
                stats = loop.stats();
            }
            obeyCommands();
            loop.cancelAll();
            forgetBlocks();
        } catch (Throwable e) {
            fail(e);
        } finally {
            workers.close();
            pool.close();
        }
    }

    /** Takes the commands that are there; waits for one, or a deadline, when the last step did nothing. False to end. */
    private boolean awaitCommands(boolean worked) throws InterruptedException {
        lock.lock();
        try {
            long deadline = loop.nextDeadline();
            long began = System.nanoTime();
            while (!worked && !closing && commands.isEmpty()) {
                if (deadline == Long.MAX_VALUE) {
                    wakeUp.await();
                } else if (wakeUp.awaitNanos(deadline - System.nanoTime()) <= 0) {
                    break;
                }
            }
            if (!worked) {
                observers.waited(System.nanoTime() - began);
            }
            List<Command> swapped = taken;
            taken = commands;
            commands = swapped;
            return !closing;
        } finally {
            lock.unlock();
        }
    }

    private void obeyCommands() {
        for (int i = 0; i < taken.size(); i++) {
            switch (taken.get(i)) {
                case Submit(Sequence sequence, Turn turn) -> loop.submit(sequence, turn);
                case Cancel(Sequence sequence) -> loop.cancel(sequence);
                case Release(Sequence sequence) -> loop.release(sequence);
                case Land(DrawnTokens drawn) -> loop.land(drawn);
            }
        }
        taken.clear();
    }

    private void fail(Throwable cause) {
        LOG.error("The engine failed", cause);
        lock.lock();
        try {
            failure = cause;
        } finally {
            lock.unlock();
        }
        for (Sequence sequence : forgetBlocks()) {
            try {
                sequence.listener.onEngineFailure(cause);
            } catch (RuntimeException e) {
                LOG.error("A listener failed when it was told that the engine did", e);
            }
        }
    }

    /** Before the arena goes: readers that come later find nothing. */
    private List<Sequence> forgetBlocks() {
        List<Sequence> sequences;
        lock.lock();
        try {
            sequences = new ArrayList<>(opened);
        } finally {
            lock.unlock();
        }
        sequences.forEach(Sequence::forget);
        return sequences;
    }
}
