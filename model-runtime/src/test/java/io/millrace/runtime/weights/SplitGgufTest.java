package io.millrace.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.runtime.weights.TinyLlama.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The parts of a split GGUF have to be those of one model, all of them. */
class SplitGgufTest {
    private static final List<Shape> SHAPES = TinyLlama.shapes(TensorNames.GGUF);

    private final Path directory;

    SplitGgufTest(@TempDir Path directory) {
        this.directory = directory;
    }

    private void assertRejected(Path open, Path named, String field, String problem) {
        assertThatThrownBy(() -> GgufFile.open(open)).isInstanceOf(ModelFormatException.class)
                .hasMessageStartingWith(named + ": " + field + ": ").hasMessageContaining(problem)
                .message().doesNotContain("\n");
    }

    private Path part(int no) {
        return SplitGguf.part(directory, no, 2);
    }

    @Test
    void allPartsAreReadByTheNameOfTheFirst() throws IOException {
        try (GgufFile file = GgufFile.open(SplitGguf.write(directory, 4))) {
            assertThat(file.tensors().keySet()).containsExactlyElementsOf(SHAPES.stream().map(Shape::name).toList());
        }
    }

    @Test
    void aMissingPartIsNamed() throws IOException {
        Path first = SplitGguf.write(directory, 2);
        Files.delete(part(1));
        assertRejected(first, part(1), "file", "does not exist");
    }

    @Test
    void aTruncatedPartIsNamed() throws IOException {
        Path first = SplitGguf.write(directory, 2);
        byte[] bytes = Files.readAllBytes(part(1));
        new Patch(bytes).truncate(bytes.length - 40).write(part(1));
        assertRejected(first, part(1), "output.weight", "truncated");
    }

    @Test
    void anotherPartThanTheFirstDoesNotOpen() throws IOException {
        SplitGguf.write(directory, 2);
        assertRejected(part(1), part(1), "split.no", "the file is part 2 of 2, expected part 1 of 2");
    }

    @Test
    void theSameFileTwiceIsRejected() throws IOException {
        Path first = SplitGguf.write(directory, 2);
        Files.copy(first, part(1), StandardCopyOption.REPLACE_EXISTING);
        assertRejected(first, part(1), "split.no", "the file is part 1 of 2, expected part 2 of 2");
    }

    @Test
    void aPartOfASplitOfAnotherCountIsRejected() throws IOException {
        Path first = SplitGguf.write(directory, 2);
        SplitGguf.write(part(1), 1, 3, SHAPES.size(), SHAPES.subList(10, SHAPES.size()));
        assertRejected(first, part(1), "split.no", "the file is part 2 of 3, expected part 2 of 2");
    }

    @Test
    void aPartOfAnotherModelIsRejectedByItsNumberOfTensors() throws IOException {
        Path first = SplitGguf.write(directory, 2);
        SplitGguf.write(part(1), 1, 2, SHAPES.size(), SHAPES.subList(12, SHAPES.size()));
        assertRejected(first, first, "split.tensors.count", "are not the parts of one model");
    }

    @Test
    void aTensorInTwoPartsIsRejected() throws IOException {
        Path first = SplitGguf.write(directory, 2);
        SplitGguf.write(part(1), 1, 2, SHAPES.size(), SHAPES);
        assertRejected(first, part(1), "token_embd.weight", "is also in an earlier part");
    }

    @Test
    void aPartThatIsNoPartIsRejected() throws IOException {
        Path first = SplitGguf.write(directory, 2);
        TinyLlama.gguf().write(part(1));
        assertRejected(first, part(1), "split.no", "is missing");
    }

    @Test
    void aRenamedFirstPartIsRejected() throws IOException {
        Path renamed = directory.resolve("renamed.gguf");
        Files.move(SplitGguf.write(directory, 2), renamed);
        assertRejected(renamed, renamed, "split.count", "does not end in -00001-of-00002.gguf");
    }

    @Test
    void aCountThatIsNoCountIsRejected() throws IOException {
        Path file = SplitGguf.part(directory, 0, 2);
        SplitGguf.write(file, 0, 0, SHAPES.size(), SHAPES);
        assertRejected(file, file, "split.count", "0");
    }
}
