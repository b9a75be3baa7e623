package io.millrace.operator.state;

import io.millrace.schemas.state.ModelRecord;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.formats.avro.typeutils.AvroSerializer;

/**
 * What computed the sessions in keyed state, as operator state {@code model}: each subtask writes one record, and each reads
 * those of all after a restore, whatever the parallelism.
 */
public final class ModelState {
    private final ListState<ModelRecord> models;

    public ModelState(OperatorStateStore states) throws Exception {
        models = states.getUnionListState(new ListStateDescriptor<>("model", new AvroSerializer<>(ModelRecord.class)));
    }

    /** What the restored state was computed with; empty at a first start, and when the state is older than this record. */
    public List<ModelRecord> read() throws Exception {
        List<ModelRecord> read = new ArrayList<>();
        models.get().forEach(read::add);
        return read;
    }

    /** From the next checkpoint on this is what computed the sessions. */
    public void write(ModelRecord model) throws Exception {
        models.update(List.of(model));
    }
}
