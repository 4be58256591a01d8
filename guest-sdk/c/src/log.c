#include <stdio.h>
#include <string.h>

#include "host.h"
#include "memory.h"
#include "text.h"

// A panic may be about memory, so its line is written here if it fits.
enum { PANIC_BYTES = 512 };

void oncegate_log(oncegate_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    oncegate_log_text(level, oncegate_format_list(format, arguments));
    va_end(arguments);
}

void oncegate_log_text(oncegate_level level, oncegate_text text) {
    // The contract has no other level, and a line that is about to be written matters.
    oncegate_level known = level > ONCEGATE_ERROR ? ONCEGATE_ERROR : level;
    oncegate_host_log(known, oncegate_text_shown(text));
}

// Writes behind what stands in the room already. A longer line is written elsewhere, or cut if there is nowhere.
static oncegate_text panic_line(char *room, size_t begun, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int written = vsnprintf(room + begun, PANIC_BYTES - begun, format, arguments);
    size_t length = begun + (written < 0 ? 0 : (size_t)written);
    oncegate_text line = {room, length < PANIC_BYTES ? length : PANIC_BYTES - 1};
    char *longer = line.length < length ? oncegate_memory_try(length + 1) : NULL;
    if (longer != NULL) {
        memcpy(longer, room, begun);
        vsnprintf(longer + begun, length - begun + 1, format, again);
        line = (oncegate_text){longer, length};
    }
    va_end(again);
    return line;
}

_Noreturn void oncegate_panic_at(const char *file, int line, const char *format, ...) {
    static bool panics = false;
    // A second one, while the first one is told, can be told by nobody.
    if (panics) {
        panics = false;
        oncegate_host_end(ONCEGATE_TEXT("panic in a panic"));
    }
    panics = true;
    char room[PANIC_BYTES] = "panic: ";
    if (file != NULL) snprintf(room, PANIC_BYTES / 2, "panic at %s:%d: ", file, line);
    size_t begun = strlen(room);
    va_list arguments;
    va_start(arguments, format);
    oncegate_text text = oncegate_text_shown(panic_line(room, begun, format, arguments));
    va_end(arguments);
    oncegate_log_text(ONCEGATE_ERROR, text);
    panics = false;
    oncegate_host_end((oncegate_text){text.at + begun, text.length - begun});
}
