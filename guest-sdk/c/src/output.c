#include "host.h"
#include "text.h"

// The contract's strings are UTF-8, so no other name can even be given to the host.
static oncegate_result invalid(const char *what) {
    return (oncegate_result){.code = ONCEGATE_OUTPUT_INVALID, .reason = oncegate_format("the %s is not UTF-8", what)};
}

oncegate_result oncegate_emit(oncegate_output output) {
    if (!oncegate_text_is_utf8(output.topic)) return invalid("topic");
    if (!oncegate_text_is_utf8(output.key)) return invalid("key");
    for (size_t i = 0; i < output.header_count; i++) {
        if (!oncegate_text_is_utf8(output.headers[i].name)) return invalid("header name");
    }
    return oncegate_host_emit(&output);
}

oncegate_result oncegate_emit_json(oncegate_output output, const oncegate_json_writer *writer) {
    ONCEGATE_TRY(oncegate_json_written(writer, &output.payload));
    return oncegate_emit(output);
}
