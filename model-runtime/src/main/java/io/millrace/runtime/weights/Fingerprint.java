package io.millrace.runtime.weights;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/** The id of a model's content; see {@link LlamaWeights#fingerprint()}. */
final class Fingerprint {
    /** Bytes read at each end of a tensor, so that a model of hundreds of gigabytes takes a moment. */
    private static final long SAMPLE = 64 * 1024;

    private Fingerprint() {}

    static String of(MappedModel model) {
        MessageDigest digest = sha256();
        text(digest, model.config() + " " + model.rotaryLayout() + " " + Arrays.toString(model.ropeDivisors()));
        for (Tensor tensor : model.tensors().all()) {
            text(digest, tensor.name() + " " + tensor.type() + " " + tensor.rows() + " " + tensor.cols());
            MemorySegment data = tensor.data();
            long head = Math.min(SAMPLE, data.byteSize());
            long tail = Math.max(head, data.byteSize() - SAMPLE);
            digest.update(data.asSlice(0, head).asByteBuffer());
            digest.update(data.asSlice(tail).asByteBuffer());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void text(MessageDigest digest, String text) {
        digest.update((text + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
