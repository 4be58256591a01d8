// JSON: a reader that copies nothing but texts with escapes, and a writer. Part of oncegate.h.
//
// The reader checks a whole text first and refuses what is no JSON, or nested more than 1024 deep. It does not recurse.
// Each question then looks from the beginning of its object or array; `oncegate_json_next` goes through either once.
// What cannot be read is ONCEGATE_REJECT: it will not become readable by being delivered again.
#ifndef ONCEGATE_JSON_H
#define ONCEGATE_JSON_H

#include "oncegate.h"

// --- Reading

typedef enum oncegate_json_kind {
    ONCEGATE_JSON_ABSENT,
    ONCEGATE_JSON_NULL,
    ONCEGATE_JSON_BOOL,
    ONCEGATE_JSON_NUMBER,
    ONCEGATE_JSON_STRING,
    ONCEGATE_JSON_ARRAY,
    ONCEGATE_JSON_OBJECT,
} oncegate_json_kind;

// One value of a text that has been checked.
typedef struct oncegate_json {
    // The value as it was written; ONCEGATE_NONE if it is absent.
    oncegate_text raw;
    // What was read and, of a member, its name: both stand before the reason if the value is not what was asked for.
    const char *what;
    const char *name;
} oncegate_json;

// Checks a text. `what` names it in reasons.
oncegate_result oncegate_json_read(oncegate_text text, const char *what, oncegate_json *json) ONCEGATE_MUST_USE;

// Checks a message's payload.
oncegate_result oncegate_message_json(const oncegate_message *message, oncegate_json *json) ONCEGATE_MUST_USE;

oncegate_json_kind oncegate_json_kind_of(oncegate_json json);

// The object's member of this name. Refuses a name that is missing or there twice.
oncegate_result oncegate_json_member(oncegate_json object, const char *name, oncegate_json *value) ONCEGATE_MUST_USE;

// The same, but a missing member is a value of kind ONCEGATE_JSON_ABSENT.
oncegate_result oncegate_json_optional(oncegate_json object, const char *name, oncegate_json *value) ONCEGATE_MUST_USE;

// A string as UTF-8. Without escapes it lies in the text itself.
oncegate_result oncegate_json_text(oncegate_json json, oncegate_text *text) ONCEGATE_MUST_USE;

// A whole number, exact; one with a fraction or an exponent is none.
oncegate_result oncegate_json_u64(oncegate_json json, uint64_t *number) ONCEGATE_MUST_USE;
oncegate_result oncegate_json_i64(oncegate_json json, int64_t *number) ONCEGATE_MUST_USE;

// Any number that is finite, rounded.
oncegate_result oncegate_json_double(oncegate_json json, double *number) ONCEGATE_MUST_USE;

oncegate_result oncegate_json_bool(oncegate_json json, bool *truth) ONCEGATE_MUST_USE;

// Two steps in one.
oncegate_result oncegate_json_member_text(oncegate_json object, const char *name, oncegate_text *text)
    ONCEGATE_MUST_USE;
oncegate_result oncegate_json_member_u64(oncegate_json object, const char *name, uint64_t *number) ONCEGATE_MUST_USE;

// A way through an array's items or an object's members:
//
//     oncegate_json_cursor cursor = oncegate_json_begin(array);
//     while (oncegate_json_next(&cursor)) … cursor.value …
typedef struct oncegate_json_cursor {
    // A member's name, a string; absent in an array.
    oncegate_json name;
    oncegate_json value;
    oncegate_text rest;
} oncegate_json_cursor;

// Before the first one. Of a value that is neither array nor object there is none.
oncegate_json_cursor oncegate_json_begin(oncegate_json container);

// Goes to the next one; false if there is none.
bool oncegate_json_next(oncegate_json_cursor *cursor);

// --- Writing

// Begins as {0}. Each call writes one value, or a bracket, or a member's name; commas come by themselves.
//
//     oncegate_json_writer json = {0};
//     oncegate_json_write_object(&json);
//     oncegate_json_write_name(&json, "id");
//     oncegate_json_write_text(&json, id);
//     oncegate_json_write_end(&json);
typedef struct oncegate_json_writer {
    char *at;
    size_t length;
    size_t room;
    // Whether a comma stands before what comes next, and what bracket closes each open one.
    bool comma;
    unsigned depth;
    uint8_t objects[128];
} oncegate_json_writer;

void oncegate_json_write_object(oncegate_json_writer *writer);
void oncegate_json_write_array(oncegate_json_writer *writer);
// Closes what was opened last.
void oncegate_json_write_end(oncegate_json_writer *writer);
void oncegate_json_write_name(oncegate_json_writer *writer, const char *name);
void oncegate_json_write_text(oncegate_json_writer *writer, oncegate_text text);
void oncegate_json_write_u64(oncegate_json_writer *writer, uint64_t number);
void oncegate_json_write_i64(oncegate_json_writer *writer, int64_t number);
void oncegate_json_write_bool(oncegate_json_writer *writer, bool truth);
void oncegate_json_write_null(oncegate_json_writer *writer);
// What is JSON already, such as the `raw` of a value.
void oncegate_json_write_raw(oncegate_json_writer *writer, oncegate_text raw);

// What was written, checked: refuses text that is not UTF-8, and calls that together make no JSON.
oncegate_result oncegate_json_written(const oncegate_json_writer *writer, oncegate_text *text) ONCEGATE_MUST_USE;

// Stages an output with what was written as its payload.
oncegate_result oncegate_emit_json(oncegate_output output, const oncegate_json_writer *writer) ONCEGATE_MUST_USE;

#endif
