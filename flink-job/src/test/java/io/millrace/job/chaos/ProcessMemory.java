package io.millrace.job.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a process has of a model, as Linux tells ({@code proc_pid_smaps(5)}), in bytes.
 *
 * @param resident of the whole process
 * @param mapped address space in which model files and packed weights are
 * @param mappedResident how much of that is in memory
 */
record ProcessMemory(long resident, long mapped, long mappedResident) {
    private static final Pattern RESIDENT = Pattern.compile("VmRSS:\\s+(\\d+) kB");
    private static final Pattern MAPPING = Pattern.compile("^[0-9a-f]+-[0-9a-f]+ .*$");
    private static final Pattern SIZE = Pattern.compile("^(Size|Rss):\\s+(\\d+) kB$");

    static ProcessMemory of(long pid) throws IOException {
        Path proc = Path.of("/proc", Long.toString(pid));
        Matcher status = RESIDENT.matcher(Files.readString(proc.resolve("status")));
        long resident = status.find() ? 1024 * Long.parseLong(status.group(1)) : 0;
        return of(resident, Files.readAllLines(proc.resolve("smaps")));
    }

    static ProcessMemory of(long resident, List<String> smaps) {
        long mapped = 0;
        long mappedResident = 0;
        boolean model = false;
        for (String line : smaps) {
            if (MAPPING.matcher(line).matches()) {
                model = line.endsWith(".gguf") || line.endsWith(".safetensors") || line.endsWith(".packed");
            } else if (model) {
                Matcher size = SIZE.matcher(line);
                if (size.matches()) {
                    long bytes = 1024 * Long.parseLong(size.group(2));
                    mapped += size.group(1).equals("Size") ? bytes : 0;
                    mappedResident += size.group(1).equals("Rss") ? bytes : 0;
                }
            }
        }
        return new ProcessMemory(resident, mapped, mappedResident);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "resident %d MiB, of the model %d MiB mapped and %d MiB resident",
                resident >> 20, mapped >> 20, mappedResident >> 20);
    }
}
