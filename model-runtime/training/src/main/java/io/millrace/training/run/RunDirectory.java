package io.millrace.training.run;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.millrace.runtime.tokenizer.LearnedVocabulary;
import io.millrace.runtime.weights.TensorType;
import io.millrace.training.network.Optimizer;
import io.millrace.training.network.Parameters;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The files of a run: its plan, its vocabulary, the newest checkpoint, the models of its stages, what was sampled, and its
 * curve. A file is either whole or not there: each is written beside its place and moved to it.
 */
public final class RunDirectory {
    private static final int FORMAT = 2;
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final Path directory;

    private RunDirectory(Path directory) {
        this.directory = directory;
    }

    /**
     * Opens the directory of a run, or begins one.
     *
     * @throws IllegalArgumentException when it belongs to a run of another plan, or to none and is not empty
     */
    public static RunDirectory open(Path directory, TrainingPlan plan) throws IOException {
        RunDirectory run = new RunDirectory(directory);
        Files.createDirectories(directory);
        Path file = directory.resolve("plan.json");
        String text = JSON.writeValueAsString(plan);
        if (!Files.exists(file)) {
            try (var entries = Files.list(directory)) {
                if (entries.findAny().isPresent()) {
                    throw new IllegalArgumentException(
                            directory + ": not empty, and no training run; choose another directory");
                }
            }
            run.replace(file, temporary -> Files.writeString(temporary, text));
        } else if (!Files.readString(file).equals(text)) {
            throw new IllegalArgumentException(file + ": the run there has another plan (seed, geometry, budgets);"
                    + " go on with its options, or choose another directory");
        }
        return run;
    }

    /**
     * The model of a finished stage.
     *
     * @param type {@link TensorType#F32}, as it was trained; {@link TensorType#Q8_0}, as it is served; or {@link TensorType#Q4_0}
     */
    public Path model(Stage stage, TensorType type) {
        return directory.resolve(stage.title() + "." + type.name().toLowerCase(Locale.ROOT) + ".gguf");
    }

    /** Whether a stage is finished. */
    public boolean has(Stage stage) {
        return Files.exists(model(stage, TensorType.Q8_0));
    }

    /** The curve, a row per step. */
    public Path curve() {
        return directory.resolve("loss.csv");
    }

    /** The curve as a picture. */
    public Path chart() {
        return directory.resolve("loss.png");
    }

    Path vocabulary() {
        return directory.resolve("vocabulary.gguf");
    }

    private Path checkpoint() {
        return directory.resolve("checkpoint");
    }

    private Path sampled(Stage stage) {
        return directory.resolve(stage.title() + ".sampled.json");
    }

    /** What was sampled for a stage, when that is done. */
    Optional<List<Sampled>> readSampled(Stage stage) throws IOException {
        Path file = sampled(stage);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        List<Sampled> read = new ArrayList<>();
        try (var lines = JSON.readerFor(Sampled.class).<Sampled>readValues(file.toFile())) {
            lines.forEachRemaining(read::add);
        } catch (RuntimeException e) {
            throw new IOException(file + ": cannot be read; remove it, and it is sampled again", e);
        }
        return Optional.of(List.copyOf(read));
    }

    void writeSampled(Stage stage, List<Sampled> sampled) throws IOException {
        replace(sampled(stage), temporary -> {
            try (var out = JSON.writer().without(SerializationFeature.INDENT_OUTPUT).withRootValueSeparator("\n")
                    .writeValues(temporary.toFile())) {
                out.writeAll(sampled);
            }
        });
    }

    /** Writes where the run stands. */
    void writeCheckpoint(Checkpoint at, Optimizer optimizer) throws IOException {
        replace(checkpoint(), temporary -> {
            try (DataOutputStream out = new DataOutputStream(
                    new BufferedOutputStream(Files.newOutputStream(temporary), 1 << 16))) {
                out.writeInt(FORMAT);
                out.writeUTF(at.stage().name());
                out.writeLong(at.step());
                out.writeLong(at.tokens());
                out.writeLong(at.stageStep());
                out.writeLong(at.stageTokens());
                out.writeLong(at.consumed());
                out.writeDouble(at.seconds());
                optimizer.write(out);
            }
        });
    }

    /** Restores parameters and moments from the newest checkpoint; empty when there is none. */
    Optional<Checkpoint> readCheckpoint(Optimizer optimizer) throws IOException {
        Path file = checkpoint();
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try (DataInputStream in = new DataInputStream(
                new BufferedInputStream(Files.newInputStream(file), 1 << 16))) {
            int format = in.readInt();
            if (format != FORMAT) {
                throw new IOException(
                        file + ": format " + format + ", this build reads " + FORMAT + "; begin a new run");
            }
            Checkpoint at = new Checkpoint(Stage.valueOf(in.readUTF()), in.readLong(), in.readLong(), in.readLong(),
                    in.readLong(), in.readLong(), in.readDouble());
            optimizer.read(in);
            return Optional.of(at);
        }
    }

    /** Writes the models of a stage that is done; the one that {@link #has} looks for last. */
    void writeModels(Stage stage, Parameters parameters, LearnedVocabulary vocabulary) throws IOException {
        for (TensorType type : List.of(TensorType.F32, TensorType.Q4_0, TensorType.Q8_0)) {
            replace(model(stage, type), temporary -> ModelFile.write(temporary, parameters, vocabulary, type));
        }
    }

    void writeChart() throws IOException {
        replace(chart(), temporary -> LossChart.write(curve(), temporary));
    }

    /** Makes the curve end at a step, which is where the newest checkpoint is: later rows will be written again. */
    void truncateCurve(long step) throws IOException {
        List<String> kept = new ArrayList<>();
        kept.add(LossPoint.HEADER);
        if (Files.exists(curve())) {
            Files.readAllLines(curve()).stream().skip(1)
                    .filter(row -> Long.parseLong(row.substring(0, row.indexOf(','))) <= step).forEach(kept::add);
        }
        replace(curve(), temporary -> Files.write(temporary, kept));
    }

    void appendToCurve(LossPoint point) throws IOException {
        Files.writeString(curve(), point.csv() + "\n", StandardOpenOption.APPEND);
    }

    /** Writes a file that is there as a whole or not at all. */
    void replace(Path file, Writing writing) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + ".part");
        writing.to(temporary);
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Writes a file. */
    @FunctionalInterface
    interface Writing {
        void to(Path file) throws IOException;
    }
}
