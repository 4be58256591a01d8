#include <stdlib.h>
#include <string.h>

#include "tests.h"

// The text, in memory that ends where it ends, so that a read beyond it is seen.
static oncegate_text exactly(oncegate_text text) {
    char *at = oncegate_allocate(text.length);
    memcpy(at, text.at, text.length);
    return (oncegate_text){at, text.length};
}

static oncegate_json read(oncegate_text text) {
    oncegate_json json;
    assert(oncegate_json_read(exactly(text), "text", &json).code == ONCEGATE_OK);
    return json;
}

static oncegate_json read_string(const char *text) {
    return read(oncegate_text_of(text));
}

static oncegate_text reason_of(oncegate_text text) {
    oncegate_json json;
    oncegate_result result = oncegate_json_read(exactly(text), "text", &json);
    assert(result.code == ONCEGATE_REJECT);
    return result.reason;
}

static void json_is_read_and_nothing_else(void) {
    static const char *const valid[] = {
        "null", " true ", "false", "0", "-0", "10", "-1.5e+10", "1E2", "\"\"", "\"\\u0000\\\"\\/\"", "[]", "{}",
        "[ ]", "{ }", "[1,2]", "[[],{}]", "{\"a\":1,\"a\":2}", "\t\r\n [ 1 , { \"a\" : [ ] } ] ", "\"\x7f\"",
        "\"\\ud800\"",
    };
    static const char *const invalid[] = {
        "", " ", "nul", "nulll", "True", "01", "-", "-a", "1.", ".5", "1e", "1e+", "+1", "0x1", "NaN", "\"", "\"\\\"",
        "\"\\x\"", "\"\\u12g4\"", "\"\\u123", "\"\n\"", "\"\x1f\"", "'a'", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]",
        "]", "[}", "[1}", "{", "{\"a\"", "{\"a\":", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{\"a\" 1}",
        "{\"a\":1]", "{1:2}", "{\"a\":1 \"b\":2}", "1 2", "[] []", "\xef\xbb\xbf[]", "[1]/**/", "}", "{\"a\":1}}",
        ",", ":",
    };
    oncegate_json json;
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        assert(oncegate_json_read(exactly(oncegate_text_of(valid[i])), "text", &json).code == ONCEGATE_OK);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        assert(oncegate_json_read(exactly(oncegate_text_of(invalid[i])), "text", &json).code == ONCEGATE_REJECT);
    }
    // A zero is no end.
    assert(oncegate_json_read(ONCEGATE_TEXT("1\0"), "text", &json).code == ONCEGATE_REJECT);
    assert(oncegate_json_read(ONCEGATE_TEXT("\"\0\""), "text", &json).code == ONCEGATE_REJECT);
    assert(oncegate_json_read(ONCEGATE_TEXT("\"\\\0\""), "text", &json).code == ONCEGATE_REJECT);
    assert(oncegate_json_read(ONCEGATE_NONE, "text", &json).code == ONCEGATE_REJECT);
}

static void a_reason_says_what_and_where(void) {
    oncegate_text reason = reason_of(ONCEGATE_TEXT("[1 2]"));
    assert(oncegate_text_equal(reason, ONCEGATE_TEXT("text: expected `,` or `]` at byte 4")));
    assert(oncegate_text_equal(reason_of(ONCEGATE_TEXT("{\"a\":")), ONCEGATE_TEXT("text: EOF at byte 6")));
    uint64_t number;
    oncegate_result result = oncegate_json_member_u64(read_string("{\"a\":\"1\"}"), "a", &number);
    assert(oncegate_text_equal(result.reason, ONCEGATE_TEXT("text: `a`: expected u64, a whole number")));
}

// Brackets around nothing, as many as this.
static oncegate_text nested(size_t depth, char opening, char closing) {
    char *at = oncegate_allocate(depth * 2);
    memset(at, opening, depth);
    memset(at + depth, closing, depth);
    return (oncegate_text){at, depth * 2};
}

static void depth_has_a_limit_and_takes_no_stack(void) {
    oncegate_json json;
    assert(oncegate_json_read(nested(1024, '[', ']'), "text", &json).code == ONCEGATE_OK);
    assert(json.raw.length == 2048);
    assert(oncegate_json_read(nested(1025, '[', ']'), "text", &json).code == ONCEGATE_REJECT);
    assert(oncegate_json_read(nested(4000000, '[', ']'), "text", &json).code == ONCEGATE_REJECT);
    assert(oncegate_json_read(nested(1000, '[', '}'), "text", &json).code == ONCEGATE_REJECT);
}

static void whole_numbers_are_exact(void) {
    uint64_t number;
    int64_t signed_number;
    assert(oncegate_json_u64(read_string("18446744073709551615"), &number).code == ONCEGATE_OK);
    assert(number == UINT64_MAX);
    assert(oncegate_json_u64(read_string("0"), &number).code == ONCEGATE_OK && number == 0);
    static const char *const none[] = {
        "18446744073709551616", "99999999999999999999", "-1", "-0", "1.0", "1e0", "\"1\"",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert(oncegate_json_u64(read_string(none[i]), &number).code == ONCEGATE_REJECT);
    }
    assert(oncegate_json_i64(read_string("-9223372036854775808"), &signed_number).code == ONCEGATE_OK);
    assert(signed_number == INT64_MIN);
    assert(oncegate_json_i64(read_string("9223372036854775807"), &signed_number).code == ONCEGATE_OK);
    assert(signed_number == INT64_MAX);
    assert(oncegate_json_i64(read_string("-9223372036854775809"), &signed_number).code == ONCEGATE_REJECT);
    assert(oncegate_json_i64(read_string("9223372036854775808"), &signed_number).code == ONCEGATE_REJECT);
    double real;
    assert(oncegate_json_double(read_string("-12.5e-1"), &real).code == ONCEGATE_OK && real == -1.25);
    assert(oncegate_json_double(read_string("1e999"), &real).code == ONCEGATE_REJECT);
}

static void strings_are_utf8_however_they_are_written(void) {
    static const struct {
        const char *json;
        oncegate_text text;
    } cases[] = {
        {"\"a\"", {"a", 1}},
        {"\"\\u0000\\b\\f\\n\\r\\t\\\"\\\\\\/\"", {"\0\b\f\n\r\t\"\\/", 9}},
        {"\"\\u00e9\\u20AC\\ud83D\\uDe00\"", {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}},
        {"\"\xc3\xa9\\u007f\\u0080\\u07ff\\u0800\\uffff\"",
         {"\xc3\xa9\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 13}},
        {"\"\\ud800\\udc00\\udbff\\udfff\"", {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8}},
    };
    oncegate_text text;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert(oncegate_json_text(read_string(cases[i].json), &text).code == ONCEGATE_OK);
        assert(oncegate_text_equal(text, cases[i].text));
    }
    static const char *const none[] = {
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\udfff\\ud800\"",
        "\"\xff\"", "\"\xed\xa0\x80\"", "\"\xc3\"", "1", "null", "[\"a\"]",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert(oncegate_json_text(read_string(none[i]), &text).code == ONCEGATE_REJECT);
    }
    oncegate_json plain = read_string("\"plain\"");
    assert(oncegate_json_text(plain, &text).code == ONCEGATE_OK);
    assert(text.at == plain.raw.at + 1);
}

static void members_are_found_by_their_names(void) {
    oncegate_json object = read_string(
        "{ \"a\" : 1 , \"b\" : { \"a\" : [ \"}\" , \"\\\"\" ] } , \"\\u0063\" : null , \"d\":true, \"d\":2, \"\":3 }");
    oncegate_json value;
    uint64_t number;
    bool truth;
    assert(oncegate_json_member_u64(object, "a", &number).code == ONCEGATE_OK && number == 1);
    assert(oncegate_json_member(object, "b", &value).code == ONCEGATE_OK);
    assert(oncegate_json_kind_of(value) == ONCEGATE_JSON_OBJECT);
    assert(oncegate_text_equal(value.raw, ONCEGATE_TEXT("{ \"a\" : [ \"}\" , \"\\\"\" ] }")));
    assert(oncegate_json_member(object, "c", &value).code == ONCEGATE_OK);
    assert(oncegate_json_kind_of(value) == ONCEGATE_JSON_NULL);
    assert(oncegate_json_member_u64(object, "", &number).code == ONCEGATE_OK && number == 3);
    oncegate_result result = oncegate_json_member(object, "d", &value);
    assert(oncegate_text_equal(result.reason, ONCEGATE_TEXT("text: duplicate field `d`")));
    result = oncegate_json_member(object, "e", &value);
    assert(oncegate_text_equal(result.reason, ONCEGATE_TEXT("text: missing field `e`")));
    assert(oncegate_json_optional(object, "e", &value).code == ONCEGATE_OK);
    assert(oncegate_json_kind_of(value) == ONCEGATE_JSON_ABSENT);
    assert(oncegate_json_bool(value, &truth).code == ONCEGATE_REJECT);
    assert(oncegate_json_member(read_string("[]"), "a", &value).code == ONCEGATE_REJECT);
    assert(oncegate_json_member(read_string("{\"\xff\":1}"), "a", &value).code == ONCEGATE_REJECT);
}

static void arrays_and_objects_are_gone_through_in_order(void) {
    uint64_t number, sum = 0;
    oncegate_json_cursor cursor = oncegate_json_begin(read_string(" [ 1,2 , 3 ] "));
    while (oncegate_json_next(&cursor)) {
        assert(oncegate_json_u64(cursor.value, &number).code == ONCEGATE_OK);
        assert(oncegate_json_kind_of(cursor.name) == ONCEGATE_JSON_ABSENT);
        sum = sum * 10 + number;
    }
    assert(sum == 123);
    oncegate_text names = ONCEGATE_NONE, name;
    cursor = oncegate_json_begin(read_string("{\"a\":[1,{}],\"b\":\"x,y\",\"a\":-1.5e3}"));
    while (oncegate_json_next(&cursor)) {
        assert(oncegate_json_text(cursor.name, &name).code == ONCEGATE_OK);
        names = oncegate_text_join(names, name);
    }
    assert(oncegate_text_equal(names, ONCEGATE_TEXT("aba")));
    static const char *const empty[] = {"[]", "{}", "[ ]", "1", "\"[1]\"", "null"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        cursor = oncegate_json_begin(read_string(empty[i]));
        assert(!oncegate_json_next(&cursor));
        assert(!oncegate_json_next(&cursor));
    }
}

// Asks for everything that there is to ask of a value: it is there, or refused.
static void ask(oncegate_json json) {
    oncegate_text text;
    uint64_t number;
    int64_t signed_number;
    double real;
    bool truth;
    oncegate_json value;
    const oncegate_result results[] = {
        oncegate_json_text(json, &text),   oncegate_json_u64(json, &number), oncegate_json_i64(json, &signed_number),
        oncegate_json_double(json, &real), oncegate_json_bool(json, &truth), oncegate_json_optional(json, "a", &value),
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        assert(results[i].code == ONCEGATE_OK || results[i].code == ONCEGATE_REJECT);
    }
}

// Pieces of JSON in any order: whatever comes of it, nothing is read beyond its end, and what is accepted can be gone
// through.
static void any_bytes_are_safe_to_read(void) {
    static const char *const pieces[] = {
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "\"a\":", "\\u", "d83d", "\\ud83d\\ude00", "1", "-", ".5",
        "e9", "0", "true", "nul", " ", "\n", "\xc3", "\xa9", "\x01", "\"\\n\"", "[]", "{}", "1,", "\"b\":[", "]}",
        "\xff",
    };
    srand(7);
    size_t accepted = 0;
    for (int round = 0; round < 40000; round++) {
        char bytes[64];
        size_t length = 0;
        for (int left = rand() % 12; left > 0; left--) {
            const char *piece = pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)];
            if (length + strlen(piece) > sizeof bytes) break;
            memcpy(bytes + length, piece, strlen(piece));
            length += strlen(piece);
        }
        char *text = malloc(length + 1);
        assert(text != NULL);
        memcpy(text, bytes, length);
        oncegate_json json;
        // A copy of its own each time, which ends where the text does.
        char *exact = realloc(text, length > 0 ? length : 1);
        assert(exact != NULL);
        if (oncegate_json_read((oncegate_text){exact, length}, "text", &json).code == ONCEGATE_OK) {
            accepted++;
            ask(json);
            oncegate_json_cursor cursor = oncegate_json_begin(json);
            while (oncegate_json_next(&cursor)) ask(cursor.value);
        }
        free(exact);
    }
    assert(accepted > 500);
}

void reader_tests(void) {
    json_is_read_and_nothing_else();
    a_reason_says_what_and_where();
    depth_has_a_limit_and_takes_no_stack();
    whole_numbers_are_exact();
    strings_are_utf8_however_they_are_written();
    members_are_found_by_their_names();
    arrays_and_objects_are_gone_through_in_order();
    any_bytes_are_safe_to_read();
}
