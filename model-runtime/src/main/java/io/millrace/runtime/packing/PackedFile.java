package io.millrace.runtime.packing;

import io.millrace.runtime.kernels.WorkerPool;
import io.millrace.runtime.packing.PackingPlan.Chunk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * The file format of packed weights, little-endian:
 *
 * <pre>
 * magic "MILLRACE", int32 version of this format, int32 version of the packed layout, 32 bytes key of the model,
 * int64 bytes of the file, int32 matrices; per matrix: int32 bytes of its name, name, int32 ggml type, int32 rows,
 * int32 cols, int64 offset in the data, int64 bytes; int32 chunks; per chunk: int32 CRC-32C of its data;
 * zeros; int32 CRC-32C of all before, which ends at a multiple of 4096; the data
 * </pre>
 *
 * Everything in it but the checksums is known from the model, so a reader trusts nothing: it compares. The
 * checksums of the chunks and that of the header leave no byte of the file unchecked.
 */
final class PackedFile {
    /** Of the format; the layout of the data has {@link PackedLayout#VERSION}. */
    static final int VERSION = 1;
    static final int KEY_BYTES = 32;

    private static final byte[] MAGIC = "MILLRACE".getBytes(StandardCharsets.US_ASCII);
    private static final int PAGE = 4096;

    private final PackingPlan plan;
    /** The header up to the checksums. */
    private final byte[] known;
    private final int headerBytes;

    PackedFile(PackingPlan plan, byte[] key) {
        this.plan = plan;
        int tableBytes = 0;
        for (PackingPlan.Entry entry : plan.entries()) {
            tableBytes += 4 + name(entry).length + 3 * 4 + 2 * 8;
        }
        int knownBytes = MAGIC.length + 4 + 4 + KEY_BYTES + 8 + 4 + tableBytes + 4;
        int end = knownBytes + 4 * plan.chunks().size() + 4;
        headerBytes = Math.ceilDiv(end, PAGE) * PAGE;
        known = describe(key, knownBytes);
    }

    /** Bytes of the whole file. */
    long bytes() {
        return headerBytes + plan.bytes();
    }

    private byte[] describe(byte[] key, int knownBytes) {
        ByteBuffer header = ByteBuffer.allocate(knownBytes).order(ByteOrder.LITTLE_ENDIAN);
        header.put(MAGIC).putInt(VERSION).putInt(PackedLayout.VERSION).put(key).putLong(bytes())
                .putInt(plan.entries().size());
        for (PackingPlan.Entry entry : plan.entries()) {
            byte[] name = name(entry);
            header.putInt(name.length).put(name).putInt(entry.tensor().type().ggmlId()).putInt(entry.tensor().rows())
                    .putInt(entry.tensor().cols()).putLong(entry.offset()).putLong(entry.bytes());
        }
        return header.putInt(plan.chunks().size()).array();
    }

    private static byte[] name(PackingPlan.Entry entry) {
        return entry.tensor().name().getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Packs into a new file. It is written through the channel and not through a mapping, so that a full disk is an exception;
     * the header comes last.
     */
    void write(Path file, Packer packer, int threads) throws IOException {
        int[] checksums = new int[plan.chunks().size()];
        try (Arena arena = Arena.ofShared();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            MemorySegment buffers = arena.allocate(threads * plan.largestChunk(), PackedData.ALIGNMENT);
            packer.run(new Packer.Target() {
                @Override
                public MemorySegment memory(Chunk chunk, int worker) {
                    return buffers.asSlice(worker * plan.largestChunk(), chunk.bytes());
                }

                @Override
                public void packed(int index, Chunk chunk, MemorySegment packed) throws IOException {
                    checksums[index] = checksum(packed);
                    write(channel, packed.asByteBuffer(), headerBytes + chunk.offset());
                }
            });
            write(channel, header(checksums), 0);
        }
    }

    private ByteBuffer header(int[] checksums) {
        ByteBuffer header = ByteBuffer.allocate(headerBytes).order(ByteOrder.LITTLE_ENDIAN).put(known);
        for (int checksum : checksums) {
            header.putInt(checksum);
        }
        CRC32C crc = new CRC32C();
        crc.update(header.array(), 0, headerBytes - 4);
        return header.putInt(headerBytes - 4, (int) crc.getValue()).rewind();
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
        long at = position;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }

    /**
     * Checks that the header is there and is this model's, which reads a few kilobytes.
     *
     * @throws DamagedCacheException when it is not
     * @throws java.nio.file.NoSuchFileException when there is no file
     */
    void check(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            readChecksums(channel);
        }
    }

    /**
     * Maps the data, which brings its pages in, and checks every byte of it.
     *
     * @return {@code plan.bytes()} bytes; the caller closes them
     * @throws DamagedCacheException when anything is not as it was written
     * @throws java.nio.file.NoSuchFileException when there is no file
     */
    PackedData map(Path file, int threads) throws IOException {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            int[] checksums = readChecksums(channel);
            MemorySegment data = channel.map(FileChannel.MapMode.READ_ONLY, headerBytes, plan.bytes(), arena);
            check(data, checksums, threads);
            return PackedData.of(data, arena);
        } catch (IOException | RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private void check(MemorySegment data, int[] checksums, int threads) throws IOException {
        Thread caller = Thread.currentThread();
        try (WorkerPool workers = new WorkerPool(threads)) {
            workers.run(checksums.length, (index, _) -> {
                Packer.checkInterrupt(caller);
                Chunk chunk = plan.chunks().get(index);
                if (checksum(data.asSlice(chunk.offset(), chunk.bytes())) != checksums[index]) {
                    throw new UncheckedIOException(new DamagedCacheException("wrong checksum in rows "
                            + chunk.firstTile() * PackedLayout.TILE_ROWS + " and up of "
                            + chunk.entry().tensor().name()));
                }
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private int[] readChecksums(FileChannel channel) throws IOException {
        if (channel.size() != bytes()) {
            throw new DamagedCacheException(channel.size() + " bytes, expected " + bytes());
        }
        ByteBuffer header = ByteBuffer.allocate(headerBytes).order(ByteOrder.LITTLE_ENDIAN);
        while (header.hasRemaining()) {
            if (channel.read(header, header.position()) < 0) {
                throw new DamagedCacheException("ends in its header");
            }
        }
        header.rewind();
        int mismatch = header.slice(0, known.length).mismatch(ByteBuffer.wrap(known));
        if (mismatch >= 0) {
            throw new DamagedCacheException(
                    "byte " + mismatch + " of its header is not that of this model and version");
        }
        header.position(known.length);
        int[] checksums = new int[plan.chunks().size()];
        for (int i = 0; i < checksums.length; i++) {
            checksums[i] = header.getInt();
        }
        if (!header.equals(header(checksums).position(header.position()))) {
            throw new DamagedCacheException("wrong checksum of its header");
        }
        return checksums;
    }

    private static int checksum(MemorySegment bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.asByteBuffer());
        return (int) crc.getValue();
    }
}
