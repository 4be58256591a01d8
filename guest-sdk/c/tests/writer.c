#include "tests.h"

static void what_is_written_is_json(void) {
    oncegate_json_writer json = {0};
    oncegate_json_write_object(&json);
    oncegate_json_write_name(&json, "text");
    oncegate_json_write_text(&json, ONCEGATE_TEXT("\0\x01\b\t\n\f\r\"\\/\x1f\x7f\xc3\xa9"));
    oncegate_json_write_name(&json, "numbers");
    oncegate_json_write_array(&json);
    oncegate_json_write_u64(&json, UINT64_MAX);
    oncegate_json_write_i64(&json, INT64_MIN);
    oncegate_json_write_end(&json);
    oncegate_json_write_name(&json, "others");
    oncegate_json_write_array(&json);
    oncegate_json_write_array(&json);
    oncegate_json_write_end(&json);
    oncegate_json_write_object(&json);
    oncegate_json_write_end(&json);
    oncegate_json_write_bool(&json, true);
    oncegate_json_write_bool(&json, false);
    oncegate_json_write_null(&json);
    oncegate_json_write_raw(&json, ONCEGATE_TEXT("1.50"));
    oncegate_json_write_end(&json);
    oncegate_json_write_end(&json);
    oncegate_text text;
    assert(oncegate_json_written(&json, &text).code == ONCEGATE_OK);
    assert(oncegate_text_equal(
        text, ONCEGATE_TEXT("{\"text\":\"\\u0000\\u0001\\b\\t\\n\\f\\r\\\"\\\\/\\u001f\x7f\xc3\xa9\","
                            "\"numbers\":[18446744073709551615,-9223372036854775808],"
                            "\"others\":[[],{},true,false,null,1.50]}")));
}

static void what_is_no_json_is_refused(void) {
    oncegate_text text;
    oncegate_json_writer nothing = {0};
    assert(oncegate_json_written(&nothing, &text).code == ONCEGATE_REJECT);
    oncegate_json_writer open = {0};
    oncegate_json_write_array(&open);
    assert(oncegate_json_written(&open, &text).code == ONCEGATE_REJECT);
    oncegate_json_writer closed = {0};
    oncegate_json_write_end(&closed);
    assert(oncegate_json_written(&closed, &text).code == ONCEGATE_REJECT);
    oncegate_json_writer unnamed = {0};
    oncegate_json_write_object(&unnamed);
    oncegate_json_write_u64(&unnamed, 1);
    oncegate_json_write_end(&unnamed);
    assert(oncegate_json_written(&unnamed, &text).code == ONCEGATE_REJECT);
    oncegate_json_writer bytes = {0};
    oncegate_json_write_text(&bytes, ONCEGATE_TEXT("\xff"));
    oncegate_result result = oncegate_json_written(&bytes, &text);
    assert(result.code == ONCEGATE_REJECT);
    assert(oncegate_text_equal(result.reason, ONCEGATE_TEXT("JSON: a string is not UTF-8")));
}

static void depth_has_the_reader_s_limit(void) {
    oncegate_text text;
    for (int depth = 1024; depth <= 1025; depth++) {
        oncegate_json_writer json = {0};
        for (int i = 0; i < depth; i++) oncegate_json_write_array(&json);
        for (int i = 0; i < depth; i++) oncegate_json_write_end(&json);
        assert((oncegate_json_written(&json, &text).code == ONCEGATE_OK) == (depth == 1024));
    }
}

void writer_tests(void) {
    what_is_written_is_json();
    what_is_no_json_is_refused();
    depth_has_the_reader_s_limit();
}
