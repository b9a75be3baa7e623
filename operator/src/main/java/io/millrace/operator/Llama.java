package io.millrace.operator;

import io.millrace.operator.session.SessionOperatorFactory;
import io.millrace.operator.shard.ShardPipeline;
import io.millrace.schemas.CompletionEvent;
import io.millrace.schemas.PromptEvent;
import io.millrace.schemas.SessionControl;
import io.millrace.schemas.state.SessionInput;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.formats.avro.typeutils.AvroTypeInfo;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;

/**
 * Adds Llama to a stream of prompts:
 *
 * <pre>{@code
 * LlamaStreams answers = Llama.on(prompts).model("/models/llama-3.1-8b-instruct-q4_k_m.gguf").build();
 * answers.completions().sinkTo(...);
 * }</pre>
 *
 * <p>Each conversation is a key: its turns are answered in order, its KV cache is keyed state. The task managers need the
 * JVM flags {@code --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED} and read the model from their own
 * disk.
 */
public final class Llama {
    private static final String NAME = "llama";

    private DataStream<SessionInput> inputs;
    private final Configuration options = new Configuration();
    private String name = NAME;
    private String uid = NAME;
    private int parallelism;

    private Llama(DataStream<SessionInput> inputs) {
        this.inputs = inputs;
    }

    /** Answers {@code prompts}, which need not be keyed. */
    public static Llama on(DataStream<PromptEvent> prompts) {
        return onInputs(prompts.map(prompt -> SessionInputs.of(prompt, null)).returns(SessionInputs.TYPE)
                .name("prompts to sessions"));
    }

    /** Answers inputs that know where they came from, so that dead letters can carry their original bytes. */
    public static Llama onInputs(DataStream<SessionInput> inputs) {
        return new Llama(inputs);
    }

    /** Obeys {@code controls} as well. A control that overtakes its prompt finds nothing to do. */
    public Llama controls(DataStream<SessionControl> controls) {
        inputs = inputs.union(controls.map(control -> SessionInputs.of(control, null)).returns(SessionInputs.TYPE)
                .name("controls to sessions"));
        return this;
    }

    /** The model's path on every task manager: a GGUF file, the first of a split one, or a Hugging Face directory. */
    public Llama model(String path) {
        return option(MillraceOptions.MODEL, path);
    }

    /** Sets one of {@link MillraceOptions}. */
    public <T> Llama option(ConfigOption<T> option, T value) {
        options.set(option, value);
        return this;
    }

    /** Sets all options of {@code config}; what is not Millrace's does no harm. */
    public Llama options(Configuration config) {
        options.addAll(config);
        return this;
    }

    /** Name of the operator in the web UI and in metrics. */
    public Llama name(String operatorName) {
        name = operatorName;
        return this;
    }

    /** Id under which savepoints hold the sessions, and by which shards are named. One job with two of them needs two ids. */
    public Llama uid(String operatorUid) {
        uid = operatorUid;
        return this;
    }

    /** Subtasks; the job's parallelism unless set. Those in one task manager share an engine. */
    public Llama parallelism(int subtasks) {
        parallelism = subtasks;
        return this;
    }

    /**
     * Adds the operator to the job.
     *
     * @throws IllegalArgumentException when an option is missing or out of range
     */
    public LlamaStreams build() {
        OperatorSettings settings = OperatorSettings.of(options);
        SingleOutputStreamOperator<CompletionEvent> completions = inputs.keyBy(SessionInputs::key)
                .transform(name, new AvroTypeInfo<>(CompletionEvent.class), new SessionOperatorFactory(settings, uid))
                .uid(uid);
        if (parallelism > 0) {
            completions.setParallelism(parallelism);
        }
        ShardPipeline.attach(completions, settings, uid, parallelism);
        return new LlamaStreams(completions);
    }
}
