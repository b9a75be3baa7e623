package io.millrace.operator.session;

import io.millrace.operator.MillraceOptions;
import io.millrace.operator.ModelChangePolicy;
import io.millrace.operator.OperatorSettings;
import io.millrace.schemas.state.ModelRecord;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Decides at a restore whether this task manager's model may go on with the sessions. */
final class RestoredModel {
    private RestoredModel() {}

    /**
     * Checks what computed the sessions.
     *
     * @param computedBy an empty field is not known
     * @return what to warn of when their KV blocks cannot be used, else null
     * @throws ModelChangedException when it was another model and the settings do not permit that
     */
    static @Nullable String check(Collection<ModelRecord> computedBy, ModelRecord engine, OperatorSettings settings)
            throws ModelChangedException {
        Set<String> others = new TreeSet<>();
        boolean otherBlocks = false;
        for (ModelRecord model : computedBy) {
            if (!model.getModelFingerprint().isEmpty()
                    && !model.getModelFingerprint().equals(engine.getModelFingerprint())) {
                others.add(model.getModelFingerprint());
            }
            otherBlocks |= !model.getKvTag().isEmpty() && !model.getKvTag().equals(engine.getKvTag());
        }
        if (!others.isEmpty() && settings.onModelChange() == ModelChangePolicy.REFUSE) {
            throw new ModelChangedException(changed(settings.model(), engine.getModelFingerprint(),
                    "the sessions to restore", String.join(" and ", others)) + "; restore them with that model, or "
                    + remedy());
        }
        if (!others.isEmpty()) {
            return changed(settings.model(), engine.getModelFingerprint(), "the restored sessions",
                    String.join(" and ", others)) + "; their histories are computed again when they go on";
        }
        return otherBlocks
                ? "The KV cache of the restored sessions is of another type or layout than " + engine.getKvTag()
                        + "; their histories are computed again when they go on"
                : null;
    }

    /** What has changed, with both fingerprints. */
    static String changed(String model, String fingerprint, String sessions, String computedBy) {
        return "millrace.model: " + model + " has the fingerprint " + fingerprint + ", but " + sessions
                + " belong to a model of the fingerprint " + computedBy;
    }

    /** How the change is permitted. */
    static String remedy() {
        return "set " + MillraceOptions.ON_MODEL_CHANGE.key() + " to " + ModelChangePolicy.RE_PREFILL
                + " to compute their histories again";
    }
}
