package io.millrace.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LossChartTest {
    private static final String HEADER = "step,tokens,seconds,stage,loss,heldout_loss,learning_rate,gradient_norm,tokens_per_second";

    private final Path csv;

    LossChartTest(@TempDir Path directory) {
        csv = directory.resolve("loss.csv");
    }

    /** Two stages of 500 steps: the first falls from 8 to 2, the second stays at 0.1; held-out losses are twice as high. */
    private BufferedImage drawTwoStages() throws IOException {
        List<String> rows = new ArrayList<>(List.of(HEADER));
        for (int step = 1; step <= 1000; step++) {
            boolean first = step <= 500;
            double loss = first ? 8 * Math.pow(4, -step / 500.0) : 0.1;
            rows.add(step + "," + step * 1000 + ",1," + (first ? "pre-training" : "fine-tuning") + "," + loss + ","
                    + (step % 100 == 0 ? String.valueOf(2 * loss) : "") + ",0.001,1,9000");
        }
        Files.write(csv, rows);
        Path png = csv.resolveSibling("loss.png");
        LossChart.write(csv, png);
        return ImageIO.read(png.toFile());
    }

    /** Rows, from the top, of the pixels in a colour, within columns of the plot. */
    private static List<Integer> rows(BufferedImage image, Color colour, int fromX, int toX) {
        List<Integer> rows = new ArrayList<>();
        for (int y = 40; y < image.getHeight(); y++) {
            for (int x = fromX; x < toX; x++) {
                if (image.getRGB(x, y) == colour.getRGB()) {
                    rows.add(y);
                }
            }
        }
        return rows;
    }

    @Test
    void eachStageHasItsLineInItsPartOfThePlot() throws IOException {
        BufferedImage image = drawTwoStages();
        int middle = image.getWidth() / 2;
        List<Integer> first = rows(image, LossChart.STAGES.get(0), 70, middle);
        List<Integer> second = rows(image, LossChart.STAGES.get(1), middle + 40, image.getWidth() - 30);
        assertThat(first).hasSizeGreaterThan(300);
        assertThat(second).hasSizeGreaterThan(300);
        assertThat(rows(image, LossChart.STAGES.get(1), 70, middle)).isEmpty();
        assertThat(second).allSatisfy(y -> assertThat(y).isGreaterThan(first.getLast()));
    }

    @Test
    void aFallingLossGoesDown() throws IOException {
        BufferedImage image = drawTwoStages();
        List<Integer> early = rows(image, LossChart.STAGES.get(0), 80, 120);
        List<Integer> late = rows(image, LossChart.STAGES.get(0), 440, 480);
        assertThat(early.getLast()).isLessThan(late.getFirst());
    }

    @Test
    void heldOutLossesAreDots() throws IOException {
        BufferedImage image = drawTwoStages();
        List<Integer> dots = rows(image, LossChart.HELD_OUT, 70, image.getWidth() - 20);
        // Ten dots of 6 by 6 pixels, without their smoothed edges; the last is cut off by the window looked at.
        assertThat(dots).hasSizeBetween(120, 360);
    }

    @Test
    void aCurveOfOneStepIsDrawn() throws IOException {
        Files.write(csv, List.of(HEADER, "1,4096,2.0,pre-training,8.31,8.30,0.001,1,2000"));
        BufferedImage image = LossChart.draw(LossCurve.read(csv));
        assertThat(rows(image, LossChart.HELD_OUT, 0, image.getWidth())).isNotEmpty();
    }

    @Test
    void aFileThatIsNoCurveIsRefused() throws IOException {
        Files.write(csv, List.of(HEADER));
        refused("loss.csv: no step was written yet");
        Files.write(csv, List.of("a,b"));
        refused("loss.csv: its first line must name the columns tokens, stage, loss, heldout_loss");
        Files.write(csv, List.of(HEADER, "1,many,1,pre-training,8,,0,0,0"));
        refused("loss.csv: line 2 is no row of the curve: 1,many,1,pre-training,8,,0,0,0");
        Files.write(csv, List.of(HEADER, "1,2"));
        refused("loss.csv: line 2 is no row of the curve: 1,2");
    }

    private void refused(String message) {
        assertThatThrownBy(() -> LossChart.write(csv, csv.resolveSibling("no.png"))).isInstanceOf(IOException.class)
                .hasMessageEndingWith(message);
    }
}
