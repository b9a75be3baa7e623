package io.millrace.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.avro.Schema;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EventSchemasTest {

    static List<Schema> events() {
        return List.of(PromptEvent.getClassSchema(), CompletionEvent.getClassSchema(), TokenDelta.getClassSchema(),
                SessionControl.getClassSchema(), DeadLetter.getClassSchema());
    }

    @ParameterizedTest
    @MethodSource("events")
    void everyRecordAndFieldIsDocumentedNamedInSnakeCaseAndHasADefault(Schema schema) {
        switch (schema.getType()) {
            case RECORD -> {
                assertThat(schema.getDoc()).as(schema.getFullName()).isNotBlank();
                for (Schema.Field field : schema.getFields()) {
                    String name = schema.getFullName() + "." + field.name();
                    assertThat(field.doc()).as(name).isNotBlank();
                    assertThat(field.name()).as(name).matches("[a-z]+(_[a-z]+)*");
                    assertThat(field.hasDefaultValue()).as(name + " has a default").isTrue();
                    everyRecordAndFieldIsDocumentedNamedInSnakeCaseAndHasADefault(field.schema());
                }
            }
            case UNION -> {
                assertThat(schema.getTypes()).hasSize(2);
                assertThat(schema.getTypes().getFirst().getType()).isEqualTo(Schema.Type.NULL);
                everyRecordAndFieldIsDocumentedNamedInSnakeCaseAndHasADefault(schema.getTypes().getLast());
            }
            case ARRAY -> everyRecordAndFieldIsDocumentedNamedInSnakeCaseAndHasADefault(schema.getElementType());
            default -> {
            }
        }
    }
}
