package io.millrace.operator;

import static org.apache.flink.configuration.ConfigOptions.key;

import io.millrace.operator.shard.ActivationType;
import io.millrace.runtime.kv.KvType;
import java.time.Duration;
import java.util.List;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.MemorySize;

/**
 * The operator's settings, the same names in code, in YAML and on the command line. {@link OperatorSettings} checks their
 * values.
 */
public final class MillraceOptions {

    // ---------------------------------------------------------------------------------------------------- model

    public static final ConfigOption<String> MODEL = key("millrace.model").stringType().noDefaultValue()
            .withDescription(
                    "Path of the model on every task manager: a GGUF file, the first file of a split GGUF, or a "
                            + "Hugging Face directory.");

    public static final ConfigOption<String> WEIGHTS_CACHE_DIR = key("millrace.weights.cache-dir").stringType()
            .noDefaultValue()
            .withDescription(
                    "Directory on every task manager where packed weights are kept and mapped from, about as large as "
                            + "the model; none packs them in memory at every start. When absent, millrace in "
                            + "$XDG_CACHE_HOME or else in ~/.cache.");

    // --------------------------------------------------------------------------------------------------- shards

    public static final ConfigOption<String> SHARDS = key("millrace.shards").stringType().defaultValue("1")
            .withDescription(
                    "Over how many task managers the model's layers are shared out: a number, by which they are "
                            + "balanced, or the layers of each shard, as in 0-15,16-31. The job takes as many slots as shards "
                            + "times parallelism, and a task manager of one slot has one shard.");

    public static final ConfigOption<Integer> MICRO_BATCHES = key("millrace.engine.micro-batches").intType()
            .defaultValue(0)
            .withDescription("Steps that are under way through the shards at the same time, each over its share of the "
                    + "running turns; 0 for as many as shards, so that every shard has one to compute.");

    public static final ConfigOption<ActivationType> ACTIVATION_TYPE = key("millrace.engine.activation-type")
            .enumType(ActivationType.class).defaultValue(ActivationType.F32)
            .withDescription(
                    "How activations travel between shards: f32, or bf16, which takes half the bytes and changes "
                            + "the answers, since it rounds.");

    // --------------------------------------------------------------------------------------------------- engine

    public static final ConfigOption<Integer> MAX_NUM_SEQS = key("millrace.engine.max-num-seqs").intType()
            .defaultValue(64)
            .withDescription("At most this many turns are decoded at the same time, per task manager.");

    public static final ConfigOption<Integer> MAX_NUM_BATCHED_TOKENS = key("millrace.engine.max-num-batched-tokens")
            .intType().defaultValue(256)
            .withDescription("At most this many tokens are computed in one pass over the weights; longer prompts are "
                    + "computed in chunks beside the decoding turns.");

    public static final ConfigOption<MemorySize> KV_MEMORY = key("millrace.engine.kv.memory").memoryType()
            .defaultValue(MemorySize.ofMebiBytes(1024))
            .withDescription(
                    "Off-heap memory for the KV cache, per task manager and shard, taken as it is needed. Count "
                            + "it in taskmanager.memory.task.off-heap.size.");

    public static final ConfigOption<KvType> KV_TYPE = key("millrace.engine.kv.type").enumType(KvType.class)
            .defaultValue(KvType.F16).withDescription(
                    "How keys and values are stored: f32, f16, bf16, or q8, which takes about half the memory of f16.");

    public static final ConfigOption<Integer> THREADS = key("millrace.engine.threads").intType().defaultValue(0)
            .withDescription(
                    "Threads of the kernels, per task manager, and with shards per subtask; 0 takes every core.");

    public static final ConfigOption<Boolean> PREFIX_CACHE = key("millrace.engine.prefix-cache").booleanType()
            .defaultValue(true)
            .withDescription(
                    "Whether turns that begin with the same tokens, for instance a system prompt, share the KV "
                            + "blocks of that beginning, so that it is computed once. A prompt's cache_salt keeps it apart.");

    public static final ConfigOption<Integer> NUM_SPECULATIVE_TOKENS = key("millrace.engine.num-speculative-tokens")
            .intType().defaultValue(0)
            .withDescription(
                    "At most this many tokens per turn are guessed from its own text and verified in one pass; "
                            + "0 guesses none. Answers stay the same; those that repeat their prompt come faster.");

    public static final ConfigOption<Integer> PROMPT_LOOKUP_NGRAM = key("millrace.engine.prompt-lookup-ngram").intType()
            .defaultValue(3)
            .withDescription("Tokens are guessed where the last ones, this many, occurred earlier in the turn's text.");

    // -------------------------------------------------------------------------------------------------- session

    public static final ConfigOption<Duration> SESSION_TTL = key("millrace.session.ttl").durationType()
            .defaultValue(Duration.ofHours(1))
            .withDescription(
                    "A session that was not used for this long is forgotten, with its KV cache and the request "
                            + "ids by which duplicates are known.");

    public static final ConfigOption<Integer> DUPLICATE_WINDOW = key("millrace.session.duplicate-window").intType()
            .defaultValue(64)
            .withDescription(
                    "How many of a conversation's last request ids are remembered: a prompt with one of them is "
                            + "a duplicate and is dropped.");

    public static final ConfigOption<Integer> MAX_ACCEPTED_PROMPTS = key("millrace.session.max-accepted-prompts")
            .intType().defaultValue(256)
            .withDescription(
                    "At most this many prompts are accepted and not yet answered, per subtask; more of them wait "
                            + "in the input, as backpressure.");

    public static final ConfigOption<Integer> MAX_QUEUED_PROMPTS = key("millrace.session.max-queued-prompts").intType()
            .defaultValue(32)
            .withDescription(
                    "At most this many prompts of a conversation wait for its running turn; more of them are answered "
                            + "with an error at once, so that one conversation does not hold up the others.");

    public static final ConfigOption<MemorySize> MAX_EVENT_SIZE = key("millrace.session.max-event-size").memoryType()
            .defaultValue(MemorySize.ofMebiBytes(4))
            .withDescription("A prompt event whose texts are larger is a dead letter.");

    public static final ConfigOption<Integer> MAX_PROMPT_TOKENS = key("millrace.session.max-prompt-tokens").intType()
            .defaultValue(0)
            .withDescription(
                    "A turn whose history and new messages are longer is answered with an error; 0 leaves it to "
                            + "the model's context.");

    public static final ConfigOption<Integer> MAX_TURNS = key("millrace.session.max-turns").intType().defaultValue(0)
            .withDescription("Turns that a conversation may have, or keep when the oldest are dropped; 0 is no limit.");

    public static final ConfigOption<Integer> MAX_TOKENS = key("millrace.session.max-tokens").intType().defaultValue(0)
            .withDescription(
                    "Tokens that a conversation may have, answers included; 0 leaves it to the model's context.");

    public static final ConfigOption<OverflowPolicy> OVERFLOW = key("millrace.session.overflow")
            .enumType(OverflowPolicy.class).defaultValue(OverflowPolicy.REJECT)
            .withDescription(
                    "What happens to a prompt that does not fit its conversation's limits or the context, when it does "
                            + "not say: reject, with an error that names the limit; or drop-oldest-turns, which forgets "
                            + "the oldest turns, keeps the system messages of the beginning and the turns that brought "
                            + "tools, and computes again what follows the gap.");

    public static final ConfigOption<Integer> MAX_COMPLETION_TOKENS = key("millrace.session.max-completion-tokens")
            .intType().defaultValue(1024)
            .withDescription("Tokens that a turn may generate when its prompt does not say.");

    public static final ConfigOption<Boolean> STREAM = key("millrace.session.stream").booleanType().defaultValue(false)
            .withDescription("Whether token deltas are emitted when a prompt does not say.");

    public static final ConfigOption<ModelChangePolicy> ON_MODEL_CHANGE = key("millrace.session.on-model-change")
            .enumType(ModelChangePolicy.class).defaultValue(ModelChangePolicy.REFUSE)
            .withDescription(
                    "What a restore does with sessions that another model computed: refuse, so that the job does not "
                            + "start; or re-prefill, so that their histories are computed again when they go on.");

    // ------------------------------------------------------------------------------------------------- sampling

    public static final ConfigOption<Float> TEMPERATURE = key("millrace.sampling.temperature").floatType()
            .defaultValue(0.6f).withDescription("Temperature when a prompt does not say; 0 is greedy.");

    public static final ConfigOption<Float> TOP_P = key("millrace.sampling.top-p").floatType().defaultValue(0.9f)
            .withDescription("Nucleus truncation when a prompt does not say; 1 is off.");

    public static final ConfigOption<Integer> TOP_K = key("millrace.sampling.top-k").intType().defaultValue(0)
            .withDescription("Truncation to the most likely tokens when a prompt does not say; 0 is off.");

    public static final ConfigOption<Float> MIN_P = key("millrace.sampling.min-p").floatType().defaultValue(0f)
            .withDescription("Truncation relative to the most likely token when a prompt does not say; 0 is off.");

    /** Every option above, in this order, for command lines and documentation. */
    public static final List<ConfigOption<?>> ALL = List.of(MODEL, WEIGHTS_CACHE_DIR, SHARDS, MICRO_BATCHES,
            ACTIVATION_TYPE,
            MAX_NUM_SEQS,
            MAX_NUM_BATCHED_TOKENS, KV_MEMORY,
            KV_TYPE, THREADS, PREFIX_CACHE, NUM_SPECULATIVE_TOKENS, PROMPT_LOOKUP_NGRAM, SESSION_TTL, DUPLICATE_WINDOW,
            MAX_ACCEPTED_PROMPTS, MAX_QUEUED_PROMPTS, MAX_EVENT_SIZE, MAX_PROMPT_TOKENS,
            MAX_TURNS, MAX_TOKENS, OVERFLOW, MAX_COMPLETION_TOKENS, STREAM, ON_MODEL_CHANGE, TEMPERATURE, TOP_P, TOP_K,
            MIN_P);

    private MillraceOptions() {}
}
