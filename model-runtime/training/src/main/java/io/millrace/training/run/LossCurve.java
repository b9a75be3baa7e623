package io.millrace.training.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A run's loss as its CSV file tells it.
 *
 * @param points at least one, in the order of the file
 */
record LossCurve(List<Point> points) {
    private static final List<String> COLUMNS = List.of("tokens", "stage", "loss", "heldout_loss");

    /**
     * A step.
     *
     * @param tokens computed since the run began
     * @param heldOutLoss NaN where it was not measured
     */
    record Point(double tokens, String stage, double loss, double heldOutLoss) {}

    LossCurve {
        points = List.copyOf(points);
    }

    /**
     * Reads the file; it may have more columns than are wanted here.
     *
     * @throws IOException when it cannot be read, has not these columns, no row, or a row without numbers
     */
    static LossCurve read(Path csv) throws IOException {
        List<String> lines = Files.readAllLines(csv);
        List<String> header = lines.isEmpty() ? List.of() : List.of(lines.getFirst().split(",", -1));
        if (!header.containsAll(COLUMNS)) {
            throw new IOException(csv + ": its first line must name the columns " + String.join(", ", COLUMNS));
        }
        List<Point> points = new ArrayList<>();
        for (int line = 1; line < lines.size(); line++) {
            String[] row = lines.get(line).split(",", -1);
            try {
                points.add(new Point(number(row, header, "tokens"), row[header.indexOf("stage")],
                        number(row, header, "loss"), number(row, header, "heldout_loss")));
            } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
                throw new IOException(csv + ": line " + (line + 1) + " is no row of the curve: " + lines.get(line), e);
            }
        }
        if (points.isEmpty()) {
            throw new IOException(csv + ": no step was written yet");
        }
        return new LossCurve(points);
    }

    private static double number(String[] row, List<String> header, String column) {
        String text = row[header.indexOf(column)];
        return text.isEmpty() ? Double.NaN : Double.parseDouble(text);
    }
}
