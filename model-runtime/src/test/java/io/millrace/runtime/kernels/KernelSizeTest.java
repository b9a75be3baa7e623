package io.millrace.runtime.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.attribute.CodeAttribute;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps of a product are not inlined into what calls them, which would fill the compiler's tree until vectors box. */
class KernelSizeTest {
    /** HotSpot's FreqInlineSize: the most bytes of code of a method that is inlined where it is hot. */
    private static final int INLINED = 325;

    @ParameterizedTest
    @CsvSource({"VectorIntegerMultiply, unpack", "VectorIntegerMultiply, addNibblePairs",
            "VectorIntegerMultiply, addBytePairs", "VectorIntegerMultiply, addNibbles",
            "VectorIntegerMultiply, addBytes", "VectorIntegerMultiply, addScaled", "VectorFloatMultiply, addQuants",
            "VectorFloatMultiply, add4", "VectorFloatMultiply, add1", "VectorScales, read"})
    void aStepIsTooLongToBeInlined(String type, String method) throws IOException {
        assertThat(bytesOfCode(type, method)).isGreaterThan(INLINED);
    }

    private static int bytesOfCode(String type, String method) throws IOException {
        try (InputStream in = Objects.requireNonNull(
                Kernels.class.getResourceAsStream(type + ".class"), type)) {
            return ClassFile.of().parse(in.readAllBytes()).methods().stream()
                    .filter(found -> found.methodName().equalsString(method))
                    .mapToInt(found -> ((CodeAttribute) found.code().orElseThrow()).codeLength()).findFirst()
                    .orElseThrow();
        }
    }
}
