#include "text.h"

#include <stdio.h>
#include <string.h>

oncegate_text oncegate_text_of(const char *string) {
    return (oncegate_text){string, strlen(string)};
}

bool oncegate_text_equal(oncegate_text one, oncegate_text other) {
    if (one.at == NULL || other.at == NULL) return one.at == other.at;
    return one.length == other.length && memcmp(one.at, other.at, one.length) == 0;
}

oncegate_text oncegate_text_join(oncegate_text one, oncegate_text other) {
    char *at = oncegate_allocate(one.length + other.length);
    if (one.length > 0) memcpy(at, one.at, one.length);
    if (other.length > 0) memcpy(at + one.length, other.at, other.length);
    return (oncegate_text){at, one.length + other.length};
}

oncegate_text oncegate_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    oncegate_text text = oncegate_format_list(format, arguments);
    va_end(arguments);
    return text;
}

oncegate_text oncegate_format_list(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    // Only what no `printf` can write, such as a width beyond INT_MAX.
    if (length < 0) length = 0;
    char *at = oncegate_allocate((size_t)length + 1);
    vsnprintf(at, (size_t)length + 1, format, again);
    va_end(again);
    return (oncegate_text){at, (size_t)length};
}

// What the first byte says: how many bytes follow, and between which the next one lies, so that no character is
// written longer than it need be, none is half of a pair, and none lies beyond U+10FFFF.
static size_t following(unsigned char first, unsigned char *low, unsigned char *high) {
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first >= 0xc2 && first <= 0xdf) return 1;
    if (first >= 0xe0 && first <= 0xef) return 2;
    if (first >= 0xf0 && first <= 0xf4) return 3;
    return 0;
}

// How many bytes from here on belong together, and whether they are a character.
static size_t sequence(const char *at, size_t left, bool *valid) {
    const unsigned char *bytes = (const unsigned char *)at;
    unsigned char low, high;
    size_t more = following(bytes[0], &low, &high);
    *valid = more > 0 || bytes[0] < 0x80;
    for (size_t i = 1; i <= more; i++) {
        if (i == left || bytes[i] < low || bytes[i] > high) {
            *valid = false;
            return i;
        }
        low = 0x80;
        high = 0xbf;
    }
    return more + 1;
}

size_t oncegate_utf8_character(const char *at, size_t left) {
    bool valid;
    size_t length = sequence(at, left, &valid);
    return valid ? length : 0;
}

bool oncegate_text_is_utf8(oncegate_text text) {
    for (size_t i = 0; i < text.length;) {
        size_t length = oncegate_utf8_character(text.at + i, text.length - i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

oncegate_text oncegate_text_shown(oncegate_text text) {
    if (oncegate_text_is_utf8(text)) return text;
    // At worst each byte becomes three.
    char *shown = oncegate_allocate(text.length * 3);
    size_t length = 0;
    for (size_t i = 0; i < text.length;) {
        bool valid;
        size_t found = sequence(text.at + i, text.length - i, &valid);
        size_t written = valid ? found : 3;
        memcpy(shown + length, valid ? text.at + i : "\xef\xbf\xbd", written);
        length += written;
        i += found;
    }
    return (oncegate_text){shown, length};
}
