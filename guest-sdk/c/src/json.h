// Whether a text is JSON.
#ifndef ONCEGATE_SRC_JSON_H
#define ONCEGATE_SRC_JSON_H

#include "../oncegate.h"

// How deep arrays and objects may be nested. A bit for each level lies on the stack.
enum { ONCEGATE_JSON_DEPTH = 1024 };

// A place in a text.
struct oncegate_scan {
    const char *start;
    const char *at;
    const char *end;
    // What is wrong at this place, once something is.
    const char *fault;
};

struct oncegate_scan oncegate_scan_of(oncegate_text text);

// Goes over white space.
void oncegate_scan_space(struct oncegate_scan *scan);

// Goes over the one value that the whole text is; false with the fault if it is none.
bool oncegate_scan_whole(struct oncegate_scan *scan);

// Goes over one value in a text that has been checked.
void oncegate_scan_skip(struct oncegate_scan *scan);

#endif
