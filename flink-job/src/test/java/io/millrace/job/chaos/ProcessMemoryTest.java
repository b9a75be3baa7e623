package io.millrace.job.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessMemoryTest {

    @Test
    void countsTheMappingsOfModelFilesAndPackedWeights() {
        ProcessMemory memory = ProcessMemory.of(100, List.of(
                "7f0000000000-7f0000001000 r--s 00000000 fe:00 11                         /models/a b/llama.gguf",
                "Size:               2048 kB", "KernelPageSize:        4 kB", "Rss:                 512 kB",
                "7f1000000000-7f1000001000 r--s 00000000 fe:00 12                         /cache/llama-1-2-0-6.packed",
                "Size:               1024 kB", "Rss:                1024 kB",
                "7f2000000000-7f2000001000 r-xp 00000000 fe:00 13                         /usr/lib/libc.so.6",
                "Size:               9999 kB", "Rss:                9999 kB"));

        assertThat(memory).isEqualTo(new ProcessMemory(100, 3 << 20, (512 << 10) + (1 << 20)));
    }
}
