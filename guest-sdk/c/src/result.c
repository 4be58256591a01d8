#include "text.h"

oncegate_result oncegate_ok(void) {
    return (oncegate_result){.code = ONCEGATE_OK};
}

oncegate_result oncegate_retry(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    oncegate_text reason = oncegate_format_list(format, arguments);
    va_end(arguments);
    return oncegate_retry_text(reason);
}

oncegate_result oncegate_reject(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    oncegate_text reason = oncegate_format_list(format, arguments);
    va_end(arguments);
    return oncegate_reject_text(reason);
}

oncegate_result oncegate_retry_text(oncegate_text reason) {
    return (oncegate_result){.code = ONCEGATE_RETRY, .reason = reason};
}

oncegate_result oncegate_reject_text(oncegate_text reason) {
    return (oncegate_result){.code = ONCEGATE_REJECT, .reason = reason};
}

// The same handler with the same message would be refused again.
static oncegate_result refused(oncegate_result result) {
    oncegate_text start = ONCEGATE_TEXT("output refused: ");
    switch (result.code) {
    case ONCEGATE_TOPIC_NOT_ALLOWED:
        return oncegate_reject("output refused: this handler may not write to that topic");
    case ONCEGATE_TOO_MANY_OUTPUTS:
        return oncegate_reject("output refused: more than %lu in one invocation", (unsigned long)result.limit);
    case ONCEGATE_OUTPUT_TOO_LARGE:
        return oncegate_reject("output refused: more than %lu bytes in one invocation", (unsigned long)result.limit);
    default:
        return oncegate_reject_text(oncegate_text_join(start, result.reason));
    }
}

oncegate_result oncegate_outcome(oncegate_result result) {
    switch (result.code) {
    case ONCEGATE_OK:
        return oncegate_ok();
    case ONCEGATE_RETRY:
    case ONCEGATE_REJECT:
        return result;
    case ONCEGATE_INVALID_KEY:
        return oncegate_reject_text(oncegate_text_join(ONCEGATE_TEXT("invalid key: "), result.reason));
    case ONCEGATE_NOT_CLAIMED:
        return oncegate_reject("commit of a key that this invocation has not claimed");
    case ONCEGATE_MISMATCH:
        return oncegate_reject("the key was committed with another payload");
    case ONCEGATE_DEAD:
        return oncegate_reject_text(oncegate_text_join(ONCEGATE_TEXT("the key was given up earlier: "), result.reason));
    case ONCEGATE_TOO_MANY_KEYS:
        return oncegate_reject("more than %lu keys in one invocation", (unsigned long)result.limit);
    case ONCEGATE_RECEIPT_TOO_LARGE:
        return oncegate_reject("receipt of more than %lu bytes", (unsigned long)result.limit);
    case ONCEGATE_UNAVAILABLE:
        return oncegate_retry_text(oncegate_text_join(ONCEGATE_TEXT("store unavailable: "), result.reason));
    case ONCEGATE_TOPIC_NOT_ALLOWED:
    case ONCEGATE_OUTPUT_INVALID:
    case ONCEGATE_TOO_MANY_OUTPUTS:
    case ONCEGATE_OUTPUT_TOO_LARGE:
        return refused(result);
    }
    return oncegate_retry("the handler returned %d, which is no result", (int)result.code);
}
