#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

oncegate_result oncegate_json_read(oncegate_text text, const char *what, oncegate_json *json) {
    struct oncegate_scan scan = oncegate_scan_of(text);
    if (!oncegate_scan_whole(&scan)) {
        return oncegate_reject("%s: %s at byte %zu", what, scan.fault, (size_t)(scan.at - scan.start) + 1);
    }
    scan.at = scan.start;
    oncegate_scan_space(&scan);
    const char *at = scan.at;
    oncegate_scan_skip(&scan);
    *json = (oncegate_json){.raw = {at, (size_t)(scan.at - at)}, .what = what};
    return oncegate_ok();
}

oncegate_json_kind oncegate_json_kind_of(oncegate_json json) {
    if (json.raw.at == NULL) return ONCEGATE_JSON_ABSENT;
    switch (json.raw.at[0]) {
    case '{':
        return ONCEGATE_JSON_OBJECT;
    case '[':
        return ONCEGATE_JSON_ARRAY;
    case '"':
        return ONCEGATE_JSON_STRING;
    case 't':
    case 'f':
        return ONCEGATE_JSON_BOOL;
    case 'n':
        return ONCEGATE_JSON_NULL;
    default:
        return ONCEGATE_JSON_NUMBER;
    }
}

// Why this value is not what was asked for.
static oncegate_result fault(oncegate_json json, const char *why) {
    const char *what = json.what == NULL ? "JSON" : json.what;
    if (json.name == NULL) return oncegate_reject("%s: %s", what, why);
    return oncegate_reject("%s: `%s`: %s", what, json.name, why);
}

// --- Going through

oncegate_json_cursor oncegate_json_begin(oncegate_json container) {
    oncegate_json absent = {.what = container.what, .name = container.name};
    oncegate_json_cursor cursor = {.name = absent, .value = absent};
    oncegate_json_kind kind = oncegate_json_kind_of(container);
    if (kind != ONCEGATE_JSON_OBJECT && kind != ONCEGATE_JSON_ARRAY) return cursor;
    // The names of an object begin as something, so that the way through it knows that there are some.
    if (kind == ONCEGATE_JSON_OBJECT) cursor.name.raw = ONCEGATE_TEXT("\"\"");
    cursor.rest = (oncegate_text){container.raw.at + 1, container.raw.length - 1};
    return cursor;
}

// The value at this place, which is gone over.
static oncegate_text take(struct oncegate_scan *scan) {
    oncegate_scan_space(scan);
    const char *at = scan->at;
    oncegate_scan_skip(scan);
    return (oncegate_text){at, (size_t)(scan->at - at)};
}

bool oncegate_json_next(oncegate_json_cursor *cursor) {
    struct oncegate_scan scan = oncegate_scan_of(cursor->rest);
    oncegate_scan_space(&scan);
    if (scan.at == scan.end || *scan.at == '}' || *scan.at == ']') return false;
    if (cursor->name.raw.at != NULL) {
        cursor->name.raw = take(&scan);
        oncegate_scan_space(&scan);
        scan.at++;
    }
    cursor->value.raw = take(&scan);
    oncegate_scan_space(&scan);
    if (*scan.at == ',') scan.at++;
    cursor->rest = (oncegate_text){scan.at, (size_t)(scan.end - scan.at)};
    return true;
}

// --- Members

oncegate_result oncegate_json_optional(oncegate_json object, const char *name, oncegate_json *value) {
    if (oncegate_json_kind_of(object) != ONCEGATE_JSON_OBJECT) return fault(object, "not a JSON object");
    oncegate_text wanted = oncegate_text_of(name);
    *value = (oncegate_json){.what = object.what, .name = name};
    oncegate_json_cursor cursor = oncegate_json_begin(object);
    while (oncegate_json_next(&cursor)) {
        oncegate_text found;
        ONCEGATE_TRY(oncegate_json_text(cursor.name, &found));
        if (!oncegate_text_equal(found, wanted)) continue;
        if (value->raw.at != NULL) {
            return oncegate_reject("%s: duplicate field `%s`", object.what, name);
        }
        value->raw = cursor.value.raw;
    }
    return oncegate_ok();
}

oncegate_result oncegate_json_member(oncegate_json object, const char *name, oncegate_json *value) {
    ONCEGATE_TRY(oncegate_json_optional(object, name, value));
    if (value->raw.at != NULL) return oncegate_ok();
    return oncegate_reject("%s: missing field `%s`", object.what, name);
}

oncegate_result oncegate_json_member_text(oncegate_json object, const char *name, oncegate_text *text) {
    oncegate_json value;
    ONCEGATE_TRY(oncegate_json_member(object, name, &value));
    return oncegate_json_text(value, text);
}

oncegate_result oncegate_json_member_u64(oncegate_json object, const char *name, uint64_t *number) {
    oncegate_json value;
    ONCEGATE_TRY(oncegate_json_member(object, name, &value));
    return oncegate_json_u64(value, number);
}

// --- Numbers and truth

// Digits, and nothing but digits; false also if the number is greater than this.
static bool read_digits(oncegate_text digits, uint64_t most, uint64_t *number) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits.length; i++) {
        char byte = digits.at[i];
        if (byte < '0' || byte > '9') return false;
        uint64_t digit = (uint64_t)(byte - '0');
        if (value > (most - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *number = value;
    return digits.length > 0;
}

oncegate_result oncegate_json_u64(oncegate_json json, uint64_t *number) {
    if (read_digits(json.raw, UINT64_MAX, number)) return oncegate_ok();
    return fault(json, "expected u64, a whole number");
}

oncegate_result oncegate_json_i64(oncegate_json json, int64_t *number) {
    oncegate_text digits = json.raw;
    bool negative = digits.length > 0 && digits.at[0] == '-';
    uint64_t magnitude, most = INT64_MAX;
    if (negative) {
        digits = (oncegate_text){digits.at + 1, digits.length - 1};
        most++;
    }
    if (!read_digits(digits, most, &magnitude)) return fault(json, "expected i64, a whole number");
    // The lowest number has no positive counterpart.
    *number = !negative ? (int64_t)magnitude : magnitude == 0 ? 0 : -(int64_t)(magnitude - 1) - 1;
    return oncegate_ok();
}

oncegate_result oncegate_json_double(oncegate_json json, double *number) {
    if (oncegate_json_kind_of(json) != ONCEGATE_JSON_NUMBER) return fault(json, "expected a number");
    char *digits = oncegate_allocate(json.raw.length + 1);
    memcpy(digits, json.raw.at, json.raw.length);
    digits[json.raw.length] = '\0';
    *number = strtod(digits, NULL);
    // Infinity less itself is no number.
    return *number - *number == 0 ? oncegate_ok() : fault(json, "number out of range");
}

oncegate_result oncegate_json_bool(oncegate_json json, bool *truth) {
    if (oncegate_json_kind_of(json) != ONCEGATE_JSON_BOOL) return fault(json, "expected a boolean");
    *truth = json.raw.at[0] == 't';
    return oncegate_ok();
}

// --- Strings

// The four digits behind \u.
static uint32_t unit(const char *at) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char byte = at[i];
        uint32_t digit = (uint32_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
        value = value << 4 | digit;
    }
    return value;
}

// The character that \u begins here, which may be written as a pair; its end is `*at`. False for half of a pair.
static bool character(const char **at, const char *end, uint32_t *found) {
    uint32_t first = unit(*at + 2);
    *at += 6;
    *found = first;
    if (first < 0xd800 || first > 0xdfff) return true;
    if (first > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') return false;
    uint32_t second = unit(*at + 2);
    if (second < 0xdc00 || second > 0xdfff) return false;
    *at += 6;
    *found = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    return true;
}

static char *put_utf8(char *into, uint32_t character) {
    if (character < 0x80) {
        *into++ = (char)character;
        return into;
    }
    int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    const unsigned char starts[] = {0, 0xc0, 0xe0, 0xf0};
    *into++ = (char)(starts[more] | character >> 6 * more);
    while (more-- > 0) *into++ = (char)(0x80 | (character >> 6 * more & 0x3f));
    return into;
}

static char plain(char escape) {
    switch (escape) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return escape;
    }
}

// Without escapes, which make a text shorter, never longer. False if one is half of a pair.
static bool unescape(oncegate_text escaped, oncegate_text *text) {
    char *start = oncegate_allocate(escaped.length);
    char *into = start;
    const char *end = escaped.at + escaped.length;
    for (const char *at = escaped.at; at != end;) {
        uint32_t found;
        if (*at != '\\') {
            *into++ = *at++;
        } else if (at[1] != 'u') {
            *into++ = plain(at[1]);
            at += 2;
        } else if (character(&at, end, &found)) {
            into = put_utf8(into, found);
        } else {
            return false;
        }
    }
    *text = (oncegate_text){start, (size_t)(into - start)};
    return true;
}

oncegate_result oncegate_json_text(oncegate_json json, oncegate_text *text) {
    if (oncegate_json_kind_of(json) != ONCEGATE_JSON_STRING) return fault(json, "expected a string");
    oncegate_text inner = {json.raw.at + 1, json.raw.length - 2};
    if (!oncegate_text_is_utf8(inner)) return fault(json, "a string is not UTF-8");
    if (memchr(inner.at, '\\', inner.length) == NULL) {
        *text = inner;
    } else if (!unescape(inner, text)) {
        return fault(json, "a string holds half of a surrogate pair");
    }
    return oncegate_ok();
}
