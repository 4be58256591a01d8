#include "value.h"

#include <inttypes.h>
#include <string.h>

#include "base64.h"

enum { BASE64_BYTES = 48 };

// What is written once, or the item and the number of {"repeat": [item, n]}.
static oncegate_result read_repeated(oncegate_json json, oncegate_json *item, uint64_t *times) {
    *item = json;
    *times = 1;
    if (oncegate_json_kind_of(json) != ONCEGATE_JSON_OBJECT) return oncegate_ok();
    oncegate_json pair;
    ONCEGATE_TRY(oncegate_json_member(json, "repeat", &pair));
    oncegate_json_cursor cursor = oncegate_json_begin(pair);
    if (!oncegate_json_next(&cursor)) return oncegate_reject("payload: nothing to repeat");
    *item = cursor.value;
    if (!oncegate_json_next(&cursor)) return oncegate_reject("payload: repeat how often?");
    return oncegate_json_u64(cursor.value, times);
}

static oncegate_text repeat(oncegate_text text, uint64_t times) {
    if (times == 1) return text;
    char *at = oncegate_allocate(text.length * (size_t)times);
    for (size_t i = 0; i < times; i++) memcpy(at + i * text.length, text.at, text.length);
    return (oncegate_text){at, text.length * (size_t)times};
}

oncegate_result read_text(oncegate_json json, oncegate_text *text) {
    oncegate_json item;
    uint64_t times;
    ONCEGATE_TRY(read_repeated(json, &item, &times));
    ONCEGATE_TRY(oncegate_json_text(item, text));
    *text = repeat(*text, times);
    return oncegate_ok();
}

oncegate_result read_bytes(oncegate_json json, oncegate_text *bytes) {
    *bytes = ONCEGATE_NONE;
    oncegate_json_kind kind = oncegate_json_kind_of(json);
    if (kind == ONCEGATE_JSON_ABSENT || kind == ONCEGATE_JSON_NULL) return oncegate_ok();
    oncegate_json item;
    uint64_t times;
    ONCEGATE_TRY(read_repeated(json, &item, &times));
    oncegate_text text;
    ONCEGATE_TRY(oncegate_json_text(item, &text));
    ONCEGATE_TRY(base64_read(text, bytes));
    *bytes = repeat(*bytes, times);
    return oncegate_ok();
}

static oncegate_result read_header(oncegate_json pair, oncegate_header *header) {
    oncegate_json_cursor cursor = oncegate_json_begin(pair);
    if (!oncegate_json_next(&cursor)) return oncegate_reject("payload: a header without a name");
    ONCEGATE_TRY(read_text(cursor.value, &header->name));
    if (!oncegate_json_next(&cursor)) return oncegate_reject("payload: a header without a value");
    return read_bytes(cursor.value, &header->value);
}

oncegate_result read_headers(oncegate_json json, const oncegate_header **headers, size_t *count) {
    *count = 0;
    oncegate_json_cursor cursor = oncegate_json_begin(json);
    while (oncegate_json_next(&cursor)) ++*count;
    oncegate_header *read = oncegate_allocate(*count * sizeof *read);
    *headers = read;
    cursor = oncegate_json_begin(json);
    while (oncegate_json_next(&cursor)) ONCEGATE_TRY(read_header(cursor.value, read++));
    return oncegate_ok();
}

// FNV-1a with 32 bits.
static uint32_t hash(oncegate_text bytes) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < bytes.length; i++) hash = (hash ^ (unsigned char)bytes.at[i]) * 16777619u;
    return hash;
}

void write_bytes(oncegate_json_writer *writer, oncegate_text bytes) {
    if (bytes.at == NULL) {
        oncegate_json_write_null(writer);
    } else if (bytes.length <= BASE64_BYTES) {
        oncegate_json_write_text(writer, base64_of(bytes));
    } else {
        oncegate_json_write_object(writer);
        oncegate_json_write_name(writer, "length");
        oncegate_json_write_u64(writer, bytes.length);
        oncegate_json_write_name(writer, "fnv1a");
        oncegate_json_write_u64(writer, hash(bytes));
        oncegate_json_write_end(writer);
    }
}

void write_optional(oncegate_json_writer *writer, oncegate_text text) {
    if (text.at == NULL) oncegate_json_write_null(writer);
    else oncegate_json_write_text(writer, text);
}

void write_decimal(oncegate_json_writer *writer, uint64_t number) {
    oncegate_json_write_text(writer, oncegate_format("%" PRIu64, number));
}

void write_headers(oncegate_json_writer *writer, const oncegate_header *headers, size_t count) {
    oncegate_json_write_array(writer);
    for (size_t i = 0; i < count; i++) {
        oncegate_json_write_array(writer);
        oncegate_json_write_text(writer, headers[i].name);
        write_bytes(writer, headers[i].value);
        oncegate_json_write_end(writer);
    }
    oncegate_json_write_end(writer);
}

static char *put_unit(char *at, uint32_t unit) {
    const char hex[] = "0123456789abcdef";
    *at++ = '\\';
    *at++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) *at++ = hex[unit >> shift & 15];
    return at;
}

oncegate_text in_ascii(oncegate_text json) {
    // Each byte but those of ASCII becomes six at most.
    char *start = oncegate_allocate(json.length * 6);
    char *at = start;
    for (size_t i = 0; i < json.length;) {
        unsigned char first = (unsigned char)json.at[i++];
        if (first < 0x80) {
            *at++ = (char)first;
            continue;
        }
        uint32_t character = first & (first < 0xe0 ? 0x1f : first < 0xf0 ? 0x0f : 0x07);
        for (; i < json.length && ((unsigned char)json.at[i] & 0xc0) == 0x80; i++) {
            character = character << 6 | ((unsigned char)json.at[i] & 0x3f);
        }
        if (character < 0x10000) {
            at = put_unit(at, character);
        } else {
            at = put_unit(at, 0xd800 + ((character - 0x10000) >> 10));
            at = put_unit(at, 0xdc00 + ((character - 0x10000) & 0x3ff));
        }
    }
    return (oncegate_text){start, (size_t)(at - start)};
}
