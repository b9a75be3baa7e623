package io.millrace.operator.state;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class TokensTest {

    @Test
    void tokensSurvivePacking() {
        Tokens tokens = new Tokens();
        for (int i = 0; i < 1000; i++) {
            tokens.add(i * 127);
        }
        Tokens unpacked = Tokens.unpack(tokens.pack());
        assertThat(unpacked.toArray(0)).isEqualTo(tokens.toArray(0)).hasSize(1000);
        assertThat(unpacked.last()).isEqualTo(999 * 127);
    }

    @Test
    void packedIdsAreLittleEndian() {
        Tokens tokens = new Tokens();
        tokens.add(0x01020304);
        assertThat(tokens.pack()).isEqualTo(ByteBuffer.wrap(new byte[]{4, 3, 2, 1}));
    }

    @Test
    void unpackedTokensGrow() {
        Tokens tokens = Tokens.unpack(ByteBuffer.allocate(0));
        tokens.addAll(new int[]{1, 2, 3});
        assertThat(tokens.toArray(1)).containsExactly(2, 3);
    }

    @Test
    void truncatedTokensAreForgotten() {
        Tokens tokens = new Tokens();
        tokens.addAll(new int[]{1, 2, 3});
        tokens.truncate(1);
        tokens.add(9);
        assertThat(tokens.toArray(0)).containsExactly(1, 9);
    }
}
