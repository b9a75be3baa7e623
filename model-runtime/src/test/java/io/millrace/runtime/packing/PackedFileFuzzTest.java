package io.millrace.runtime.packing;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.fuzz.FuzzTarget;
import io.millrace.runtime.weights.LlamaWeights;
import io.millrace.runtime.weights.sample.SampleModel;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** A file of packed weights is taken exactly when it has the bytes that were written; any other is a damaged one. */
public final class PackedFileFuzzTest {
    private static final FuzzTarget TARGET = new FuzzTarget(PackedFileFuzzTest.class, "packed-file",
            List.of("MILLRACE"), input -> DamagedFile.get().check(input));

    @TestFactory
    Stream<DynamicTest> everyDamageIsFound() {
        return TARGET.tests();
    }

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        TARGET.accept(input);
    }

    /** A valid file that an input changes, and that is mended afterwards. */
    private record DamagedFile(PackedFile format, Path file, byte[] valid) {
        private static @org.jspecify.annotations.Nullable DamagedFile instance;

        static DamagedFile get() throws IOException {
            if (instance == null) {
                instance = create();
            }
            return instance;
        }

        private static DamagedFile create() throws IOException {
            Path directory = FuzzTarget.directory("packed-file");
            Path model = directory.resolve("model.gguf");
            Path file = directory.resolve("packed");
            Files.deleteIfExists(file);
            SampleModel.write(model, SampleModel.Options.defaults().withGeometry(1, 32, 32, 2, 1, 16));
            try (LlamaWeights weights = LlamaWeights.open(model)) {
                PackingPlan plan = PackingPlan.of(weights);
                PackedFile format = new PackedFile(plan, new byte[PackedFile.KEY_BYTES]);
                format.write(file, new Packer(weights, plan, PackingOptions.inMemory(1)), 1);
                return new DamagedFile(format, file, Files.readAllBytes(file));
            }
        }

        /**
         * The first byte of the input says what happens: the rest overwrites the file from the place that the next 3 bytes
         * say, or the file ends at that place, or it is followed by the rest.
         */
        void check(byte[] input) throws IOException {
            ByteBuffer in = ByteBuffer.wrap(input);
            int kind = in.hasRemaining() ? in.get() & 3 : 0;
            int place = 0;
            for (int i = 0; i < 3 && in.hasRemaining(); i++) {
                place = (place << 8) | (in.get() & 0xFF);
            }
            place %= valid.length;
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                switch (kind) {
                    case 0, 1 -> channel.write(in.slice(), place);
                    case 2 -> channel.truncate(place);
                    default -> channel.write(in.slice(), valid.length);
                }
                boolean same = Arrays.equals(Files.readAllBytes(file), valid);
                assertThat(isTaken()).isEqualTo(same);
                channel.truncate(valid.length);
                channel.write(ByteBuffer.wrap(valid, place, Math.min(valid.length - place, kind == 2
                        ? valid.length
                        : input.length)), place);
            }
        }

        private boolean isTaken() throws IOException {
            try (PackedData data = format.map(file, 1)) {
                return data.bytes().byteSize() > 0;
            } catch (DamagedCacheException e) {
                return false;
            }
        }
    }
}
