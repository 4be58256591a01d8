#include "base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

oncegate_text base64_of(oncegate_text bytes) {
    char *at = oncegate_allocate((bytes.length + 2) / 3 * 4);
    size_t length = 0;
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t left = bytes.length - i;
        uint32_t group = (uint32_t)(unsigned char)bytes.at[i] << 16;
        if (left > 1) group |= (uint32_t)(unsigned char)bytes.at[i + 1] << 8;
        if (left > 2) group |= (uint32_t)(unsigned char)bytes.at[i + 2];
        at[length++] = digits[group >> 18];
        at[length++] = digits[group >> 12 & 63];
        at[length++] = left > 1 ? digits[group >> 6 & 63] : '=';
        at[length++] = left > 2 ? digits[group & 63] : '=';
    }
    return (oncegate_text){at, length};
}

oncegate_result base64_read(oncegate_text text, oncegate_text *bytes) {
    char *at = oncegate_allocate(text.length / 4 * 3 + 3);
    size_t length = 0;
    uint32_t group = 0;
    size_t read = 0;
    for (; read < text.length && text.at[read] != '='; read++) {
        const char *digit = text.at[read] == '\0' ? NULL : strchr(digits, text.at[read]);
        if (digit == NULL) return oncegate_reject("payload: no base64");
        group = group << 6 | (uint32_t)(digit - digits);
        // Each digit but the first one of a group completes a byte.
        if (read % 4 != 0) at[length++] = (char)(group >> (2 * (3 - read % 4)) & 0xff);
    }
    if (text.length % 4 != 0 || text.length - read > 2) return oncegate_reject("payload: no base64");
    *bytes = (oncegate_text){at, length};
    return oncegate_ok();
}
