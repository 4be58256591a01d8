#include "text.h"

oncegate_text oncegate_message_header(const oncegate_message *message, const char *name) {
    oncegate_text wanted = oncegate_text_of(name);
    for (size_t i = 0; i < message->header_count; i++) {
        if (oncegate_text_equal(message->headers[i].name, wanted)) return message->headers[i].value;
    }
    return ONCEGATE_NONE;
}

oncegate_result oncegate_message_json(const oncegate_message *message, oncegate_json *json) {
    return oncegate_json_read(message->payload, "payload", json);
}
