package io.millrace.job.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.apache.avro.specific.SpecificRecord;
import org.jspecify.annotations.Nullable;

/**
 * Events as JSON objects, mapped by the record's schema. Unknown fields are ignored, missing and null ones take their default.
 * Written events leave out nulls and empty collections.
 */
final class JsonCodec<T extends SpecificRecord> implements EventCodec<T> {
    private static final int MAX_DEPTH = 64;
    private static final int MAX_TOKENS = 1_000_000;
    private static final int MAX_NUMBER_LENGTH = 400;
    private static final int MAX_NAME_LENGTH = 4096;

    private final Class<T> type;
    private final int maxBytes;
    private final JsonMapper mapper;
    private final JsonToRecord reader;
    private final RecordToJson writer;

    JsonCodec(Class<T> type, int maxBytes) {
        this.type = type;
        this.maxBytes = maxBytes;
        StreamReadConstraints limits = StreamReadConstraints.builder().maxDocumentLength(maxBytes)
                .maxStringLength(maxBytes).maxNestingDepth(MAX_DEPTH).maxTokenCount(MAX_TOKENS)
                .maxNumberLength(MAX_NUMBER_LENGTH).maxNameLength(MAX_NAME_LENGTH).build();
        // NaN and Infinity are read, so that the field's validation can refuse them by name and answer the sender.
        this.mapper = JsonMapper.builder(JsonFactory.builder().streamReadConstraints(limits).build())
                .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .enable(JsonWriteFeature.COMBINE_UNICODE_SURROGATES_IN_UTF8)
                .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY).build();
        this.reader = new JsonToRecord(type);
        this.writer = new RecordToJson(type, mapper);
    }

    @Override
    public T decode(byte[] bytes) throws EventFormatException {
        JsonNode document = parse(bytes);
        try {
            return type.cast(reader.read(document));
        } catch (EventFormatException e) {
            throw e.withIds(text(document, "id"), text(document, "conversation_id"));
        }
    }

    private JsonNode parse(byte[] bytes) throws EventFormatException {
        if (bytes.length > maxBytes) {
            throw new EventFormatException(
                    "the event has " + bytes.length + " bytes, more than the limit of " + maxBytes);
        }
        if (AvroCodec.looksLikeSingleObject(bytes)) {
            throw new EventFormatException("the event is Avro single-object encoded, but JSON is expected here");
        }
        try {
            String text = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT).decode(ByteBuffer.wrap(bytes)).toString();
            return mapper.readTree(text);
        } catch (CharacterCodingException e) {
            throw EventFormatException.of("the event is not UTF-8", e.getMessage());
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null
                    ? ""
                    : " at line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
            throw EventFormatException.of("the event is not JSON" + where, e.getOriginalMessage());
        }
    }

    private static @Nullable String text(JsonNode document, String field) {
        JsonNode node = document.get(field);
        return node != null && node.isTextual() && UnicodeText.unpairedSurrogate(node.textValue()) < 0
                ? node.textValue()
                : null;
    }

    @Override
    public byte[] encode(T event) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
        try (JsonGenerator out = mapper.createGenerator(bytes)) {
            writer.write(event, out);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // memory does not fail
        }
        return bytes.toByteArray();
    }
}
