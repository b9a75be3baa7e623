package io.millrace.runtime.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class KernelProviderTest {

    @Test
    void picksTheVectorKernelsWhereTheirShapeIsPreferred() {
        int bits = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        Assumptions.assumeTrue(bits == 256 || bits == 512, "vectors of " + bits + " bits");
        assertThat(KernelProvider.choose(null).name()).isEqualTo("vector (" + bits + " bit)");
        assertThat(KernelProvider.choose("vector").name()).isEqualTo("vector (" + bits + " bit)");
    }

    @Test
    void thePropertyForcesAChoice() {
        assertThat(KernelProvider.choose("scalar")).isInstanceOf(ScalarKernels.class);
        assertThatIllegalArgumentException().isThrownBy(() -> KernelProvider.choose("gpu"))
                .withMessage("millrace.kernels must be scalar or vector, not gpu");
    }
}
