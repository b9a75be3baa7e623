package io.millrace.training.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.kernels.WorkerPool;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class OptimizerTest {
    private static final float RATE = 0.01f;

    private final WorkerPool workers = new WorkerPool(2);

    @AfterEach
    void endWorkers() {
        workers.close();
    }

    @Test
    void stepsAreThoseOfTheFormula() {
        Parameters parameters = Parameters.random(SmallNetwork.SHAPE, 1);
        Optimizer optimizer = new Optimizer(parameters,
                new Optimizer.Options(0.9f, 0.95f, 1e-8f, 0.95f, 0.1f, Float.POSITIVE_INFINITY),
                workers);
        Parameter matrix = parameters.embedding();
        Parameter gain = parameters.outputNorm();
        double weight = matrix.values()[5];
        matrix.gradients()[5] = 0.5f;
        gain.gradients()[3] = -2;
        assertThat(optimizer.step(RATE)).isCloseTo(Math.sqrt(0.25 + 4), within(1e-9));
        // The first step goes the whole rate, whatever the gradient.
        weight = weight * (1 - 0.01 * 0.1) - 0.01;
        assertThat(matrix.values()[5]).isCloseTo((float) weight, within(1e-7f));
        assertThat(gain.values()[3]).isCloseTo(1.01f, within(1e-7f));
        assertThat(gain.values()[4]).isEqualTo(1);
        assertThat(matrix.gradients()).containsOnly(0);

        matrix.gradients()[5] = -1;
        optimizer.step(RATE);
        double mean = (0.9 * 0.1 * 0.5 - 0.1) / (1 - 0.9 * 0.9);
        double square = (0.95 * 0.05 * 0.25 + 0.05) / (1 - 0.95 * 0.95);
        weight = weight * (1 - 0.01 * 0.1) - 0.01 * mean / Math.sqrt(square);
        assertThat(matrix.values()[5]).isCloseTo((float) weight, within(1e-7f));
        assertThat(optimizer.steps()).isEqualTo(2);
    }

    @Test
    void aMatrixOfABlockMovesAlongItsOrthogonalisedMomentum() {
        Parameters parameters = Parameters.random(SmallNetwork.SHAPE, 1);
        Optimizer optimizer = new Optimizer(parameters,
                new Optimizer.Options(0.9f, 0.95f, 1e-8f, 0.95f, 0.1f, Float.POSITIVE_INFINITY), workers);
        Parameter down = parameters.layers().get(1).down();
        float[] expected = down.values().clone();
        float[] sums = new float[expected.length];
        NewtonSchulz newtonSchulz = new NewtonSchulz(down.cols(), down.rows());
        Random random = new Random(1);
        for (int step = 0; step < 2; step++) {
            float[] update = new float[expected.length];
            for (int i = 0; i < update.length; i++) {
                down.gradients()[i] = (float) random.nextGaussian();
                sums[i] = 0.95f * sums[i] + down.gradients()[i];
                update[i] = down.gradients()[i] + 0.95f * sums[i];
            }
            newtonSchulz.orthogonalise(update, down.rows(), down.cols());
            for (int i = 0; i < update.length; i++) {
                expected[i] = expected[i] * (1 - RATE * 0.1f)
                        - RATE * 0.2f * (float) Math.sqrt(down.cols()) * update[i];
            }
            optimizer.step(RATE);
        }
        assertThat(down.values()).usingComparatorWithPrecision(1e-6f).containsExactly(expected);
        assertThat(down.gradients()).containsOnly(0);
    }

    @Test
    void gradientsAreScaledDownToTheLargestNorm() {
        Parameters clipped = Parameters.random(SmallNetwork.SHAPE, 1);
        Parameters scaled = Parameters.random(SmallNetwork.SHAPE, 1);
        // A large epsilon, so that the size of a gradient matters.
        Optimizer.Options options = new Optimizer.Options(0.9f, 0.95f, 1, 0.95f, 0, 1);
        clipped.embedding().gradients()[0] = 30;
        clipped.outputNorm().gradients()[0] = 40;
        scaled.embedding().gradients()[0] = 0.6f;
        scaled.outputNorm().gradients()[0] = 0.8f;
        assertThat(new Optimizer(clipped, options, workers).step(RATE)).isCloseTo(50, within(1e-6));
        assertThat(new Optimizer(scaled, options, workers).step(RATE)).isCloseTo(1, within(1e-6));
        assertThat(clipped.embedding().values()[0]).isCloseTo(scaled.embedding().values()[0], within(1e-7f));
        assertThat(clipped.outputNorm().values()[0]).isCloseTo(scaled.outputNorm().values()[0], within(1e-7f));
        assertThat(clipped.outputNorm().values()[0]).isNotEqualTo(1);
    }

    @Test
    void aGradientThatIsNotFiniteChangesNothing() {
        Parameters parameters = Parameters.random(SmallNetwork.SHAPE, 1);
        Optimizer optimizer = new Optimizer(parameters, Optimizer.Options.defaults(), workers);
        float[] before = parameters.embedding().values().clone();
        parameters.embedding().gradients()[0] = 1;
        parameters.layers().get(1).gate().gradients()[7] = Float.NaN;
        assertThatIllegalStateException().isThrownBy(() -> optimizer.step(RATE)).withMessage(
                "blk.1.ffn_gate.weight: a gradient is not finite after 0 steps; lower the learning rate or go back to an earlier checkpoint");
        assertThat(parameters.embedding().values()).isEqualTo(before);
        assertThat(optimizer.steps()).isZero();
    }

    @Test
    void aRunThatReadsTheStateGoesOnBitForBit() throws IOException {
        Parameters expected = Parameters.random(SmallNetwork.SHAPE, 1);
        Optimizer first = new Optimizer(expected, Optimizer.Options.defaults(), workers);
        steps(expected, first, 3);
        byte[] state = state(first);
        steps(expected, first, 3);

        Parameters actual = Parameters.random(SmallNetwork.SHAPE, 2);
        Optimizer second = new Optimizer(actual, Optimizer.Options.defaults(), workers);
        second.read(new DataInputStream(new ByteArrayInputStream(state)));
        steps(actual, second, 3);
        assertThat(state(second)).isEqualTo(state(first)).isNotEqualTo(state);
    }

    @Test
    void theStateOfAnotherShapeIsRefused() throws IOException {
        Optimizer optimizer = new Optimizer(Parameters.random(SmallNetwork.SHAPE, 1), Optimizer.Options.defaults(),
                workers);
        NetworkShape larger = new NetworkShape(38, 2, 32, 48, 4, 2, 16, 10_000, 1e-5f);
        byte[] state = state(new Optimizer(Parameters.random(larger, 1), Optimizer.Options.defaults(), workers));
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> optimizer.read(new DataInputStream(new ByteArrayInputStream(state))))
                .withMessage("token_embd.weight: found 1216 values where 1184 were expected:"
                        + " written by a network of another shape");
    }

    private static void steps(Parameters parameters, Optimizer optimizer, int count) {
        for (int step = 0; step < count; step++) {
            Random random = new Random(optimizer.steps());
            for (Parameter parameter : parameters.all()) {
                float[] gradients = parameter.gradients();
                for (int i = 0; i < gradients.length; i++) {
                    gradients[i] = (float) random.nextGaussian();
                }
            }
            optimizer.step(RATE);
        }
    }

    private static byte[] state(Optimizer optimizer) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        optimizer.write(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }
}
