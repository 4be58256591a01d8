#include <inttypes.h>
#include <string.h>

#include "json.h"
#include "memory.h"
#include "text.h"

static void put(oncegate_json_writer *writer, const char *at, size_t length) {
    if (length > writer->room - writer->length) {
        size_t room = writer->length + length < 128 ? 256 : (writer->length + length) * 2;
        writer->at = oncegate_memory_grow(writer->at, writer->room, room);
        writer->room = room;
    }
    if (length > 0) memcpy(writer->at + writer->length, at, length);
    writer->length += length;
}

// What stands before a value, and that something now stands before the next one.
static void put_comma(oncegate_json_writer *writer) {
    if (writer->comma) put(writer, ",", 1);
    writer->comma = true;
}

static void open(oncegate_json_writer *writer, char bracket) {
    put_comma(writer);
    put(writer, &bracket, 1);
    writer->comma = false;
    // Deeper than the reader goes: what was written is refused in the end.
    unsigned level = writer->depth++;
    if (level >= ONCEGATE_JSON_DEPTH) return;
    uint8_t bit = (uint8_t)(1u << level % 8);
    uint8_t others = (uint8_t)(writer->objects[level / 8] & ~bit);
    writer->objects[level / 8] = bracket == '{' ? others | bit : others;
}

void oncegate_json_write_object(oncegate_json_writer *writer) {
    open(writer, '{');
}

void oncegate_json_write_array(oncegate_json_writer *writer) {
    open(writer, '[');
}

void oncegate_json_write_end(oncegate_json_writer *writer) {
    writer->comma = true;
    unsigned level = writer->depth > 0 ? --writer->depth : 0;
    bool object = level < ONCEGATE_JSON_DEPTH && (writer->objects[level / 8] >> level % 8 & 1) != 0;
    put(writer, object ? "}" : "]", 1);
}

void oncegate_json_write_name(oncegate_json_writer *writer, const char *name) {
    oncegate_json_write_text(writer, oncegate_text_of(name));
    put(writer, ":", 1);
    writer->comma = false;
}

// The letter behind the backslash that stands for a byte; zero if the byte stands for itself, 'u' if it is written as
// a number.
static char escape_of(unsigned char byte) {
    switch (byte) {
    case '"':
    case '\\':
        return (char)byte;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return byte < 0x20 ? 'u' : '\0';
    }
}

void oncegate_json_write_text(oncegate_json_writer *writer, oncegate_text text) {
    put_comma(writer);
    put(writer, "\"", 1);
    size_t written = 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        char escape = escape_of(byte);
        if (escape == '\0') continue;
        const char digits[] = "0123456789abcdef";
        const char long_form[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 0xf]};
        const char short_form[] = {'\\', escape};
        put(writer, text.at + written, i - written);
        if (escape == 'u') put(writer, long_form, sizeof long_form);
        else put(writer, short_form, sizeof short_form);
        written = i + 1;
    }
    if (written < text.length) put(writer, text.at + written, text.length - written);
    put(writer, "\"", 1);
}

void oncegate_json_write_raw(oncegate_json_writer *writer, oncegate_text raw) {
    put_comma(writer);
    put(writer, raw.at, raw.length);
}

void oncegate_json_write_u64(oncegate_json_writer *writer, uint64_t number) {
    oncegate_json_write_raw(writer, oncegate_format("%" PRIu64, number));
}

void oncegate_json_write_i64(oncegate_json_writer *writer, int64_t number) {
    oncegate_json_write_raw(writer, oncegate_format("%" PRId64, number));
}

void oncegate_json_write_bool(oncegate_json_writer *writer, bool truth) {
    oncegate_json_write_raw(writer, oncegate_text_of(truth ? "true" : "false"));
}

void oncegate_json_write_null(oncegate_json_writer *writer) {
    oncegate_json_write_raw(writer, oncegate_text_of("null"));
}

oncegate_result oncegate_json_written(const oncegate_json_writer *writer, oncegate_text *text) {
    oncegate_text written = {writer->at, writer->length};
    oncegate_json json;
    ONCEGATE_TRY(oncegate_json_read(written, "JSON", &json));
    if (!oncegate_text_is_utf8(written)) return oncegate_reject("JSON: a string is not UTF-8");
    *text = written;
    return oncegate_ok();
}
