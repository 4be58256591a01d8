// What an output is refused for, as a real host refuses it.
#include "../src/host.h"
#include "../src/text.h"
#include "testing.h"

static oncegate_result invalid(oncegate_text reason) {
    return (oncegate_result){.code = ONCEGATE_OUTPUT_INVALID, .reason = reason};
}

static oncegate_result beyond(oncegate_code code, size_t limit) {
    return (oncegate_result){.code = code, .limit = (uint32_t)limit};
}

// U+0000 to U+001F and U+007F to U+009F.
static bool holds_control(oncegate_text name) {
    for (size_t i = 0; i < name.length; i++) {
        unsigned char byte = (unsigned char)name.at[i];
        unsigned char next = i + 1 < name.length ? (unsigned char)name.at[i + 1] : 0;
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next < 0xa0)) return true;
    }
    return false;
}

static oncegate_result check_length(const char *what, oncegate_text name, size_t limit) {
    if (name.length <= limit) return oncegate_ok();
    return invalid(oncegate_format("the %s has %zu bytes, and %zu are allowed", what, name.length, limit));
}

static oncegate_result check_name(const char *what, oncegate_text name, size_t limit) {
    if (name.length == 0) return invalid(oncegate_format("the %s is empty", what));
    ONCEGATE_TRY(check_length(what, name, limit));
    if (!holds_control(name)) return oncegate_ok();
    return invalid(oncegate_format("the %s holds control characters", what));
}

// Whether the name begins with `oncegate-`, in whatever case.
static bool is_reserved(oncegate_text name) {
    oncegate_text start = ONCEGATE_TEXT("oncegate-");
    if (name.length < start.length) return false;
    for (size_t i = 0; i < start.length; i++) {
        char byte = name.at[i];
        if (byte >= 'A' && byte <= 'Z') byte = (char)(byte + ('a' - 'A'));
        if (byte != start.at[i]) return false;
    }
    return true;
}

static oncegate_result check_names(const oncegate_output *output, const oncegate_limits *limits) {
    ONCEGATE_TRY(check_name("topic", output->topic, limits->output_name_bytes));
    // The producer's own affair otherwise: brokers take an empty key, or one with any characters.
    ONCEGATE_TRY(check_length("key", output->key, limits->output_name_bytes));
    size_t count = output->header_count;
    if (count > limits->output_headers) {
        return invalid(oncegate_format("%zu headers, and %zu are allowed", count, limits->output_headers));
    }
    for (size_t i = 0; i < count; i++) {
        ONCEGATE_TRY(check_name("header name", output->headers[i].name, limits->output_name_bytes));
        if (is_reserved(output->headers[i].name)) {
            return invalid(ONCEGATE_TEXT("header names that begin with oncegate- are the host's"));
        }
    }
    return oncegate_ok();
}

static bool is_allowed(const oncegate_testing *host, oncegate_text topic) {
    const oncegate_text *topics = host->topics.at;
    for (size_t i = 0; i < host->topics.count; i++) {
        if (oncegate_text_equal(topics[i], topic)) return true;
    }
    return host->topics.count == 0;
}

// What an output counts for.
static size_t bytes_of(const oncegate_output *output) {
    size_t bytes = output->topic.length + output->key.length + output->payload.length;
    for (size_t i = 0; i < output->header_count; i++) {
        bytes += output->headers[i].name.length + output->headers[i].value.length;
    }
    return bytes;
}

static void stage(struct invocation *invocation, const oncegate_output *output) {
    oncegate_testing *host = invocation->host;
    oncegate_header *headers =
        oncegate_testing_keep(host, output->headers, output->header_count * sizeof(oncegate_header));
    for (size_t i = 0; i < output->header_count; i++) {
        headers[i].name = oncegate_testing_keep_text(host, headers[i].name);
        headers[i].value = oncegate_testing_keep_text(host, headers[i].value);
    }
    oncegate_output *staged = oncegate_testing_add(&invocation->outputs, sizeof *staged);
    *staged = (oncegate_output){
        .topic = oncegate_testing_keep_text(host, output->topic),
        .key = oncegate_testing_keep_text(host, output->key),
        .headers = headers,
        .header_count = output->header_count,
        .payload = oncegate_testing_keep_text(host, output->payload),
    };
    *(int *)oncegate_testing_add(&invocation->owners, sizeof(int)) = invocation->last_new;
}

oncegate_result oncegate_host_emit(const oncegate_output *output) {
    struct invocation *invocation = oncegate_testing_current;
    if (invocation == NULL) return invalid(ONCEGATE_TEXT("called outside `oncegate_testing_deliver`"));
    const oncegate_limits *limits = &invocation->host->limits;
    ONCEGATE_TRY(check_names(output, limits));
    if (!is_allowed(invocation->host, output->topic)) {
        return (oncegate_result){.code = ONCEGATE_TOPIC_NOT_ALLOWED};
    }
    if (invocation->outputs.count >= limits->outputs) return beyond(ONCEGATE_TOO_MANY_OUTPUTS, limits->outputs);
    size_t bytes = invocation->output_bytes + bytes_of(output);
    if (bytes > limits->output_bytes) return beyond(ONCEGATE_OUTPUT_TOO_LARGE, limits->output_bytes);
    invocation->output_bytes = bytes;
    stage(invocation, output);
    return oncegate_ok();
}
