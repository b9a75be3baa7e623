package io.millrace.operator.shard;

import io.millrace.operator.OperatorSettings;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.graph.StreamGraphGenerator;
import org.apache.flink.util.OutputTag;

/**
 * Adds the stages behind the session operator to a job. Each is in a slot sharing group of its own, so that no task manager of
 * one slot has two shards. Forward edges connect the subtasks that own the same key groups; Flink never lets a barrier overtake
 * what is on such an edge, and little is: the engine bounds it.
 */
public final class ShardPipeline {
    private static final String GROUP = "millrace-shard-";

    private ShardPipeline() {}

    /** Side output of the session operator. */
    public static OutputTag<ShardMessage> messages(OperatorSettings settings) {
        return new OutputTag<>("shards", new ShardMessageType(settings.activationType()));
    }

    /**
     * Adds the stages of {@code settings}, if there are any.
     *
     * @param head the session operator
     * @param pipeline its uid
     * @param parallelism that was set for the session operator; 0 when none was
     */
    public static void attach(SingleOutputStreamOperator<?> head, OperatorSettings settings, String pipeline,
            int parallelism) {
        if (settings.shards().count() == 1) {
            return;
        }
        OutputTag<ShardMessage> tag = messages(settings);
        DataStream<ShardMessage> messages = head.getSideOutput(tag);
        // A token's time is spent in these edges: nothing waits for a buffer to be full.
        head.setBufferTimeout(0);
        for (int shard = 1; shard < settings.shards().count(); shard++) {
            SingleOutputStreamOperator<ShardMessage> stage = DataStreamUtils
                    .reinterpretAsKeyedStream(messages, ShardMessage::key, Types.STRING)
                    .transform(pipeline + " shard " + shard, tag.getTypeInfo(),
                            new StageOperator.Factory(settings, shard))
                    .uid(pipeline + "-shard-" + shard).slotSharingGroup(GROUP + shard).setBufferTimeout(0);
            messages = parallelism > 0 ? stage.setParallelism(parallelism) : stage;
        }
        SingleOutputStreamOperator<Void> back = messages.forward()
                .transform(pipeline + " return", Types.VOID, new ReturnOperator.Factory(pipeline))
                .uid(pipeline + "-return");
        if (parallelism > 0) {
            back.setParallelism(parallelism);
        }
        String group = head.getTransformation().getSlotSharingGroup().map(each -> each.getName())
                .orElse(StreamGraphGenerator.DEFAULT_SLOT_SHARING_GROUP);
        head.slotSharingGroup(group);
        back.slotSharingGroup(group);
        head.getTransformation().setCoLocationGroupKey(pipeline);
        back.getTransformation().setCoLocationGroupKey(pipeline);
    }
}
