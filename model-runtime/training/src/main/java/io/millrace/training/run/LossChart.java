package io.millrace.training.run;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.imageio.ImageIO;

/**
 * A run's loss over its tokens as a picture: each stage in a colour of its own, pale as measured and strong as its moving
 * average, the loss of held-out dialogues as dots. The loss has a logarithmic axis, since it falls by orders of magnitude.
 */
public final class LossChart {
    static final Color HELD_OUT = new Color(0x20, 0x20, 0x20);
    static final List<Color> STAGES = List.of(new Color(0x1f, 0x77, 0xb4), new Color(0xd9, 0x6c, 0x06),
            new Color(0x2a, 0x8f, 0x2a), new Color(0xc2, 0x27, 0x4b));
    private static final Color GRID = new Color(0xe4, 0xe4, 0xe4);
    private static final Color TEXT = new Color(0x40, 0x40, 0x40);

    private static final int WIDTH = 1000;
    private static final int HEIGHT = 560;
    private static final Rectangle2D.Double PLOT = new Rectangle2D.Double(64, 32, WIDTH - 64 - 24, HEIGHT - 32 - 52);
    /** Losses below it are as good as none. */
    private static final double LEAST_LOSS = 1e-3;
    private static final int TICKS = 8;
    /** A point weighs in the moving average of a stage as one of so many. */
    private static final int AVERAGED = 30;

    private final Map<String, List<LossCurve.Point>> stages = new LinkedHashMap<>();
    private final double mostTokens;
    private final double least;
    private final double most;
    private final BufferedImage image = new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
    private final Graphics2D graphics = image.createGraphics();

    private LossChart(List<LossCurve.Point> points) {
        double lowest = Double.POSITIVE_INFINITY;
        double highest = LEAST_LOSS;
        for (LossCurve.Point point : points) {
            stages.computeIfAbsent(point.stage(), stage -> new ArrayList<>()).add(point);
            for (double loss : new double[]{point.loss(), point.heldOutLoss()}) {
                if (Double.isFinite(loss)) {
                    lowest = Math.min(lowest, Math.max(loss, LEAST_LOSS));
                    highest = Math.max(highest, loss);
                }
            }
        }
        mostTokens = Math.max(1, points.getLast().tokens());
        least = Math.min(lowest, highest) / 1.2;
        most = highest * 1.2;
    }

    /**
     * Draws a curve, without a screen.
     *
     * @param csv columns {@code tokens, stage, loss, heldout_loss} among others
     * @param png replaced when it is there
     * @throws IOException when the one cannot be read or the other cannot be written
     */
    public static void write(Path csv, Path png) throws IOException {
        ImageIO.write(draw(LossCurve.read(csv)), "png", png.toFile());
    }

    static BufferedImage draw(LossCurve curve) {
        LossChart chart = new LossChart(curve.points());
        chart.draw();
        return chart.image;
    }

    private void draw() {
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, WIDTH, HEIGHT);
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13));
        axes();
        int number = 0;
        double legend = PLOT.getMaxX();
        for (Map.Entry<String, List<LossCurve.Point>> stage : stages.entrySet().stream().toList().reversed()) {
            Color colour = STAGES.get((stages.size() - 1 - number++) % STAGES.size());
            legend = legend(stage.getKey(), colour, legend);
            line(stage.getValue(), pale(colour), 1f);
            line(averaged(stage.getValue()), colour, 2f);
        }
        graphics.setColor(HELD_OUT);
        stages.values().forEach(points -> points.stream().filter(point -> Double.isFinite(point.heldOutLoss()))
                .forEach(point -> graphics
                        .fill(new Ellipse2D.Double(x(point.tokens()) - 3, y(point.heldOutLoss()) - 3, 6, 6))));
        legend("held-out", HELD_OUT, legend);
        graphics.dispose();
    }

    private void axes() {
        double step = roundStep(mostTokens / TICKS);
        for (double tokens = 0; tokens <= mostTokens; tokens += step) {
            grid(new Line2D.Double(x(tokens), PLOT.getMinY(), x(tokens), PLOT.getMaxY()));
            String label = step >= 1e6 || tokens >= 1e6 ? number(tokens / 1e6) + " M" : number(tokens / 1e3) + " k";
            text(tokens == 0 ? "0" : label, x(tokens), PLOT.getMaxY() + 18, 0.5);
        }
        for (int exponent = -3; exponent <= 3; exponent++) {
            for (int mantissa : new int[]{1, 2, 5}) {
                double loss = mantissa * Math.pow(10, exponent);
                if (loss >= least && loss <= most) {
                    grid(new Line2D.Double(PLOT.getMinX(), y(loss), PLOT.getMaxX(), y(loss)));
                    text(number(loss), PLOT.getMinX() - 8, y(loss) + 5, 1);
                }
            }
        }
        graphics.setColor(TEXT);
        graphics.draw(PLOT);
        text("tokens", PLOT.getCenterX(), HEIGHT - 12.0, 0.5);
        text("loss, nats per token", 8, 20, 0);
    }

    private void grid(Line2D line) {
        graphics.setColor(GRID);
        graphics.draw(line);
    }

    /** Writes text whose width is {@code before} parts left of x. */
    private void text(String text, double x, double y, double before) {
        graphics.setColor(TEXT);
        double width = graphics.getFontMetrics().stringWidth(text);
        graphics.drawString(text, (float) (x - before * width), (float) y);
    }

    /** Names a colour, left of x; returns the place of the next name. */
    private double legend(String name, Color colour, double x) {
        text(name, x, 20, 1);
        double left = x - graphics.getFontMetrics().stringWidth(name) - 16;
        graphics.setColor(colour);
        graphics.fill(new Ellipse2D.Double(left, 11, 9, 9));
        return left - 18;
    }

    private void line(List<LossCurve.Point> points, Color colour, float width) {
        Path2D path = new Path2D.Double();
        for (LossCurve.Point point : points) {
            if (Double.isFinite(point.loss())) {
                double x = x(point.tokens());
                double y = y(point.loss());
                if (path.getCurrentPoint() == null) {
                    path.moveTo(x, y);
                }
                path.lineTo(x, y);
            }
        }
        graphics.setColor(colour);
        graphics.setStroke(new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
        graphics.draw(path);
        graphics.setStroke(new BasicStroke());
    }

    /** The moving average of a stage, which begins as the mean of what there is. */
    private static List<LossCurve.Point> averaged(List<LossCurve.Point> points) {
        List<LossCurve.Point> averaged = new ArrayList<>();
        double average = 0;
        for (LossCurve.Point point : points) {
            if (Double.isFinite(point.loss())) {
                average += (point.loss() - average) / Math.min(averaged.size() + 1, AVERAGED);
                averaged.add(new LossCurve.Point(point.tokens(), point.stage(), average, Double.NaN));
            }
        }
        return averaged;
    }

    private static Color pale(Color colour) {
        return new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), 70);
    }

    private double x(double tokens) {
        return PLOT.getMinX() + PLOT.getWidth() * tokens / mostTokens;
    }

    private double y(double loss) {
        double height = Math.log(Math.max(loss, least) / least) / Math.log(most / least);
        return PLOT.getMaxY() - PLOT.getHeight() * height;
    }

    /** The next of 1, 2, 5, 10, 20, ... */
    private static double roundStep(double step) {
        double power = Math.pow(10, Math.floor(Math.log10(Math.max(1, step))));
        double mantissa = step / power;
        return power * (mantissa <= 1 ? 1 : mantissa <= 2 ? 2 : mantissa <= 5 ? 5 : 10);
    }

    private static String number(double value) {
        String text = String.format(Locale.ROOT, "%.3f", value);
        return text.replaceAll("0+$", "").replaceAll("\\.$", "");
    }
}
