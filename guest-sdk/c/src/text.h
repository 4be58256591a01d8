// UTF-8, and text that is made while a handler runs.
#ifndef ONCEGATE_SRC_TEXT_H
#define ONCEGATE_SRC_TEXT_H

#include <stdarg.h>

#include "../oncegate.h"

// How many bytes the character has that begins here; 0 if there is none. `left` is at least 1.
size_t oncegate_utf8_character(const char *at, size_t left);

bool oncegate_text_is_utf8(oncegate_text text);

// The text itself if it is UTF-8, else a copy with U+FFFD for what is not.
oncegate_text oncegate_text_shown(oncegate_text text);

oncegate_text oncegate_format_list(const char *format, va_list arguments);

#endif
