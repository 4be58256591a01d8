#include "../src/text.h"

#include <string.h>

#include "tests.h"

static void texts_are_equal_by_their_bytes(void) {
    assert(oncegate_text_equal(ONCEGATE_TEXT("a\0b"), ONCEGATE_TEXT("a\0b")));
    assert(!oncegate_text_equal(ONCEGATE_TEXT("a\0b"), ONCEGATE_TEXT("a\0c")));
    assert(!oncegate_text_equal(ONCEGATE_TEXT("a"), ONCEGATE_TEXT("ab")));
    // Composed and decomposed.
    assert(!oncegate_text_equal(ONCEGATE_TEXT("\xc3\xa9"), ONCEGATE_TEXT("e\xcc\x81")));
    assert(oncegate_text_equal(ONCEGATE_NONE, ONCEGATE_NONE));
    assert(!oncegate_text_equal(ONCEGATE_NONE, ONCEGATE_TEXT("")));
}

static void joined_texts_keep_every_byte(void) {
    oncegate_text joined = oncegate_text_join(ONCEGATE_TEXT("a\0"), ONCEGATE_TEXT("\0b"));
    assert(oncegate_text_equal(joined, ONCEGATE_TEXT("a\0\0b")));
    assert(oncegate_text_join(ONCEGATE_NONE, ONCEGATE_NONE).at != NULL);
}

static void formatted_texts_are_as_long_as_they_need_to_be(void) {
    oncegate_text text = oncegate_format("%d of %.*s, %s", 3, ONCEGATE_SHOW(ONCEGATE_TEXT("four")), "five");
    assert(oncegate_text_equal(text, ONCEGATE_TEXT("3 of four, five")));
    assert(oncegate_format("%5000d", 1).length == 5000);
    assert(oncegate_format("%.*s", ONCEGATE_SHOW(ONCEGATE_NONE)).length == 0);
}

static void only_utf8_is_utf8(void) {
    static const char *const valid[] = {
        "", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
    };
    static const char *const invalid[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xf0\x9f\x98",
    };
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        assert(oncegate_text_is_utf8(oncegate_text_of(valid[i])));
    }
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        assert(!oncegate_text_is_utf8(oncegate_text_of(invalid[i])));
    }
    assert(oncegate_text_is_utf8(ONCEGATE_TEXT("a\0b")));
    assert(oncegate_text_is_utf8(ONCEGATE_NONE));
}

static void what_is_not_utf8_is_shown_as_replaced(void) {
    oncegate_text valid = ONCEGATE_TEXT("\xe2\x82\xac");
    assert(oncegate_text_shown(valid).at == valid.at);
    oncegate_text shown = oncegate_text_shown(ONCEGATE_TEXT("a\xff\xe2\x82z\xf0\x9f"));
    assert(oncegate_text_equal(shown, ONCEGATE_TEXT("a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd")));
}

void text_tests(void) {
    texts_are_equal_by_their_bytes();
    joined_texts_keep_every_byte();
    formatted_texts_are_as_long_as_they_need_to_be();
    only_utf8_is_utf8();
    what_is_not_utf8_is_shown_as_replaced();
}
