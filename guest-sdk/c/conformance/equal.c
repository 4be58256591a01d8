#include "equal.h"

static size_t count_of(oncegate_json json) {
    size_t count = 0;
    oncegate_json_cursor cursor = oncegate_json_begin(json);
    while (oncegate_json_next(&cursor)) count++;
    return count;
}

static bool text_equal(oncegate_json one, oncegate_json other) {
    oncegate_text a, b;
    if (oncegate_json_text(one, &a).code != ONCEGATE_OK) return false;
    if (oncegate_json_text(other, &b).code != ONCEGATE_OK) return false;
    return oncegate_text_equal(a, b);
}

static bool array_equal(oncegate_json one, oncegate_json other) {
    oncegate_json_cursor a = oncegate_json_begin(one), b = oncegate_json_begin(other);
    while (oncegate_json_next(&a)) {
        if (!oncegate_json_next(&b) || !json_equal(a.value, b.value)) return false;
    }
    return !oncegate_json_next(&b);
}

static bool has_member(oncegate_json object, oncegate_json name, oncegate_json value) {
    oncegate_json_cursor cursor = oncegate_json_begin(object);
    while (oncegate_json_next(&cursor)) {
        if (text_equal(cursor.name, name)) return json_equal(cursor.value, value);
    }
    return false;
}

static bool object_equal(oncegate_json one, oncegate_json other) {
    oncegate_json_cursor cursor = oncegate_json_begin(one);
    while (oncegate_json_next(&cursor)) {
        if (!has_member(other, cursor.name, cursor.value)) return false;
    }
    return count_of(one) == count_of(other);
}

bool json_equal(oncegate_json one, oncegate_json other) {
    oncegate_json_kind kind = oncegate_json_kind_of(one);
    if (kind != oncegate_json_kind_of(other)) return false;
    if (kind == ONCEGATE_JSON_STRING) return text_equal(one, other);
    if (kind == ONCEGATE_JSON_ARRAY) return array_equal(one, other);
    if (kind == ONCEGATE_JSON_OBJECT) return object_equal(one, other);
    return oncegate_text_equal(one.raw, other.raw);
}
