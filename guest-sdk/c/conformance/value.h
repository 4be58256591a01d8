// Texts and bytes as the cases write them, and as the driver tells them.
#ifndef VALUE_H
#define VALUE_H

#include "oncegate.h"

// A string, or {"repeat": [string, n]}.
oncegate_result read_text(oncegate_json json, oncegate_text *text) ONCEGATE_MUST_USE;

// The same in base64; ONCEGATE_NONE for what is null or absent.
oncegate_result read_bytes(oncegate_json json, oncegate_text *bytes) ONCEGATE_MUST_USE;

// Pairs of a name and bytes; none if absent.
oncegate_result read_headers(oncegate_json json, const oncegate_header **headers, size_t *count) ONCEGATE_MUST_USE;

// Base64 of few bytes, the length and a hash of many, null for ONCEGATE_NONE.
void write_bytes(oncegate_json_writer *writer, oncegate_text bytes);

// A string, or null for ONCEGATE_NONE.
void write_optional(oncegate_json_writer *writer, oncegate_text text);

// A number as a string, because it may be greater than what every reader of JSON can hold.
void write_decimal(oncegate_json_writer *writer, uint64_t number);

void write_headers(oncegate_json_writer *writer, const oncegate_header *headers, size_t count);

// The same JSON without a character beyond ASCII.
oncegate_text in_ascii(oncegate_text json);

#endif
