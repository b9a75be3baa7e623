package io.millrace.training.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.runtime.kernels.WorkerPool;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradients against central differences of the loss, for each parameter. */
class GradientTest {
    private static final TokenBatch BATCH = SmallNetwork.batch(3);
    private static final float[] WEIGHTS = SmallNetwork.weights(BATCH, 4);

    private final Parameters parameters = SmallNetwork.parameters(5);
    private final WorkerPool workers = new WorkerPool(1);
    private final Network network = new Network(parameters, 100, workers);

    static IntStream parameters() {
        return IntStream.range(0, SmallNetwork.parameters(5).all().size());
    }

    @BeforeEach
    void computeGradients() {
        network.forward(BATCH);
        network.backward(WEIGHTS);
    }

    @AfterEach
    void endWorkers() {
        workers.close();
    }

    @ParameterizedTest
    @MethodSource("parameters")
    void theLossChangesAsTheGradientSays(int index) {
        Parameter parameter = parameters.all().get(index);
        float[] gradient = parameter.gradients().clone();
        double norm = Math.sqrt(dot(gradient, gradient));
        float[] along = new float[gradient.length];
        for (int i = 0; i < along.length; i++) {
            along[i] = (float) (gradient[i] / norm);
        }
        assertThat(norm).as("%s: the gradient is not nothing", parameter.name()).isGreaterThan(0.01);
        assertThat(slope(parameter, along, 0.004f)).as("%s along its gradient", parameter.name()).isCloseTo(norm,
                within(0.005 * norm));
        Random random = new Random(index);
        for (int attempt = 0; attempt < 4; attempt++) {
            float[] direction = new float[gradient.length];
            for (int i = 0; i < direction.length; i++) {
                direction[i] = (float) (random.nextGaussian() / Math.sqrt(direction.length));
            }
            assertThat(slope(parameter, direction, 0.01f)).as("%s in some direction", parameter.name())
                    .isCloseTo(dot(gradient, direction), within(0.001 * norm));
        }
        for (int attempt = 0; attempt < 6; attempt++) {
            int place = random.nextInt(gradient.length);
            float[] direction = new float[gradient.length];
            direction[place] = 1;
            assertThat(slope(parameter, direction, 0.01f)).as("%s at %d", parameter.name(), place)
                    .isCloseTo(gradient[place], within(0.001 * norm));
        }
    }

    private static double dot(float[] x, float[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += (double) x[i] * y[i];
        }
        return sum;
    }

    private double slope(Parameter parameter, float[] direction, float step) {
        float[] values = parameter.values().clone();
        double ahead = lossAt(parameter, values, direction, step);
        double behind = lossAt(parameter, values, direction, -step);
        System.arraycopy(values, 0, parameter.values(), 0, values.length);
        return (ahead - behind) / (2 * step);
    }

    private double lossAt(Parameter parameter, float[] values, float[] direction, float step) {
        for (int i = 0; i < values.length; i++) {
            parameter.values()[i] = values[i] + step * direction[i];
        }
        return SmallNetwork.loss(network.forward(BATCH), WEIGHTS);
    }
}
