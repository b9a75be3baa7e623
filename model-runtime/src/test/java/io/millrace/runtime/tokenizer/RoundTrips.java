package io.millrace.runtime.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** What holds for every tokenizer and every text. */
final class RoundTrips {
    private RoundTrips() {}

    /** Decoding gives back what was encoded, and no text becomes a special token unless it is asked for. */
    static void check(Tokenizer tokenizer, String text) {
        int[] ids = tokenizer.encode(text);
        for (int id : ids) {
            assertThat(tokenizer.isSpecial(id)).isFalse();
        }
        String wellFormed = Unicode.wellFormed(text);
        assertThat(tokenizer.decode(ids)).isEqualTo(wellFormed);
        assertThat(withNames(tokenizer, tokenizer.encodeWithSpecials(text))).isEqualTo(wellFormed);
    }

    private static String withNames(Tokenizer tokenizer, int[] ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int id : ids) {
            bytes.writeBytes(tokenizer.isSpecial(id)
                    ? tokenizer.display(id).getBytes(StandardCharsets.UTF_8)
                    : tokenizer.bytes(id));
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
