#include <string.h>

#include "json.h"

// Which of the open brackets are objects', the outermost first.
struct nesting {
    unsigned depth;
    uint8_t objects[ONCEGATE_JSON_DEPTH / 8];
};

struct oncegate_scan oncegate_scan_of(oncegate_text text) {
    // What is not there is read as what is empty.
    const char *at = text.at == NULL ? "" : text.at;
    return (struct oncegate_scan){.start = at, .at = at, .end = at + text.length};
}

static bool fail(struct oncegate_scan *scan, const char *fault) {
    scan->fault = scan->at == scan->end ? "EOF" : fault;
    return false;
}

// The byte at this place; a zero, which is nowhere allowed, at the end.
static char peek(const struct oncegate_scan *scan) {
    return scan->at == scan->end ? '\0' : *scan->at;
}

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_hex(char byte) {
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

void oncegate_scan_space(struct oncegate_scan *scan) {
    for (; scan->at != scan->end; scan->at++) {
        char byte = *scan->at;
        if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t') return;
    }
}

// From behind the backslash. Whether \u names a character is asked when the text is wanted.
static bool scan_escape(struct oncegate_scan *scan) {
    char byte = peek(scan);
    if (byte == '\0' || strchr("\"\\/bfnrtu", byte) == NULL) return fail(scan, "no such escape");
    scan->at++;
    for (int i = 0; byte == 'u' && i < 4; i++, scan->at++) {
        if (!is_hex(peek(scan))) return fail(scan, "expected four hexadecimal digits");
    }
    return true;
}

static bool scan_string(struct oncegate_scan *scan) {
    scan->at++;
    while (scan->at != scan->end) {
        unsigned char byte = (unsigned char)*scan->at;
        if (byte < 0x20) return fail(scan, "control character in a string");
        scan->at++;
        if (byte == '"') return true;
        if (byte == '\\' && !scan_escape(scan)) return false;
    }
    return fail(scan, "");
}

static bool scan_digits(struct oncegate_scan *scan) {
    if (!is_digit(peek(scan))) return fail(scan, "expected a digit");
    while (is_digit(peek(scan))) scan->at++;
    return true;
}

static bool scan_number(struct oncegate_scan *scan) {
    if (peek(scan) == '-') scan->at++;
    if (peek(scan) == '0') {
        scan->at++;
        if (is_digit(peek(scan))) return fail(scan, "a number begins with a zero");
    } else if (!scan_digits(scan)) {
        return false;
    }
    if (peek(scan) == '.') {
        scan->at++;
        if (!scan_digits(scan)) return false;
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-') scan->at++;
        if (!scan_digits(scan)) return false;
    }
    return true;
}

static bool scan_word(struct oncegate_scan *scan, const char *word) {
    for (; *word != '\0'; word++, scan->at++) {
        if (peek(scan) != *word) return fail(scan, "expected a value");
    }
    return true;
}

static bool scan_scalar(struct oncegate_scan *scan) {
    char byte = peek(scan);
    if (byte == '"') return scan_string(scan);
    if (byte == '-' || is_digit(byte)) return scan_number(scan);
    if (byte == 't') return scan_word(scan, "true");
    if (byte == 'f') return scan_word(scan, "false");
    if (byte == 'n') return scan_word(scan, "null");
    return fail(scan, "expected a value");
}

// A member's name and its colon.
static bool scan_name(struct oncegate_scan *scan) {
    oncegate_scan_space(scan);
    if (peek(scan) != '"') return fail(scan, "expected a name");
    if (!scan_string(scan)) return false;
    oncegate_scan_space(scan);
    if (peek(scan) != ':') return fail(scan, "expected `:`");
    scan->at++;
    return true;
}

static bool in_object(const struct nesting *nesting) {
    unsigned level = nesting->depth - 1;
    return (nesting->objects[level / 8] >> level % 8 & 1) != 0;
}

static bool open(struct oncegate_scan *scan, struct nesting *nesting) {
    unsigned level = nesting->depth;
    if (level == ONCEGATE_JSON_DEPTH) return fail(scan, "nested too deep");
    uint8_t bit = (uint8_t)(1u << level % 8);
    uint8_t others = (uint8_t)(nesting->objects[level / 8] & ~bit);
    nesting->objects[level / 8] = *scan->at == '{' ? others | bit : others;
    nesting->depth++;
    scan->at++;
    return true;
}

// From behind a value to where the next one stands. False with no fault: there is none, the whole text is read.
static bool scan_to_next(struct oncegate_scan *scan, struct nesting *nesting) {
    for (;;) {
        oncegate_scan_space(scan);
        if (nesting->depth == 0) {
            if (scan->at != scan->end) fail(scan, "trailing characters");
            return false;
        }
        char byte = peek(scan);
        if (byte == ',') {
            scan->at++;
            return !in_object(nesting) || scan_name(scan);
        }
        if (byte != (in_object(nesting) ? '}' : ']')) {
            return fail(scan, in_object(nesting) ? "expected `,` or `}`" : "expected `,` or `]`");
        }
        nesting->depth--;
        scan->at++;
    }
}

// Where a value stands: goes over a scalar, or over brackets to the first scalar in them, or to the end of empty ones.
static bool scan_value(struct oncegate_scan *scan, struct nesting *nesting) {
    for (;;) {
        oncegate_scan_space(scan);
        char byte = peek(scan);
        if (byte != '{' && byte != '[') return scan_scalar(scan);
        if (!open(scan, nesting)) return false;
        oncegate_scan_space(scan);
        if (peek(scan) == (byte == '{' ? '}' : ']')) return true;
        if (byte == '{' && !scan_name(scan)) return false;
    }
}

bool oncegate_scan_whole(struct oncegate_scan *scan) {
    struct nesting nesting = {0};
    do {
        if (!scan_value(scan, &nesting)) return false;
    } while (scan_to_next(scan, &nesting));
    return scan->fault == NULL;
}

static void skip_string(struct oncegate_scan *scan) {
    // What stands behind a backslash does not end the string.
    for (scan->at++; *scan->at != '"'; scan->at++) {
        if (*scan->at == '\\') scan->at++;
    }
    scan->at++;
}

static bool ends_scalar(char byte) {
    return byte == ',' || byte == '}' || byte == ']' || byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static void skip_brackets(struct oncegate_scan *scan) {
    size_t depth = 0;
    do {
        char byte = *scan->at;
        if (byte == '"') {
            skip_string(scan);
        } else {
            if (byte == '{' || byte == '[') depth++;
            if (byte == '}' || byte == ']') depth--;
            scan->at++;
        }
    } while (depth > 0);
}

void oncegate_scan_skip(struct oncegate_scan *scan) {
    char byte = *scan->at;
    if (byte == '{' || byte == '[') {
        skip_brackets(scan);
    } else if (byte == '"') {
        skip_string(scan);
    } else {
        while (scan->at != scan->end && !ends_scalar(*scan->at)) scan->at++;
    }
}
