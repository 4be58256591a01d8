// Runs the conformance cases that it is given the files of on the testing host, as a C program: the handler is the
// driver. Fails if one of them does not end as it says, or if it was given none.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "equal.h"
#include "oncegate_testing.h"
#include "value.h"

// What is wrong with a case ends it.
static _Noreturn void give_up(const char *path, oncegate_result result) {
    fprintf(stderr, "%s: %.*s\n", path, ONCEGATE_SHOW(result.reason));
    exit(2);
}

// The path of the case that is run, for what is wrong with it.
static const char *current_path;

static void need(oncegate_result result) {
    if (result.code != ONCEGATE_OK) give_up(current_path, oncegate_outcome(result));
}

static oncegate_text read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) give_up(path, oncegate_reject("cannot be read"));
    long length = ftell(file);
    rewind(file);
    char *at = oncegate_allocate((size_t)length);
    if (fread(at, 1, (size_t)length, file) != (size_t)length) give_up(path, oncegate_reject("cannot be read"));
    fclose(file);
    return (oncegate_text){at, (size_t)length};
}

// --- What the case says

static oncegate_json member(oncegate_json object, const char *name) {
    oncegate_json value = {0};
    if (oncegate_json_kind_of(object) == ONCEGATE_JSON_OBJECT) need(oncegate_json_optional(object, name, &value));
    return value;
}

static bool is_there(oncegate_json json) {
    oncegate_json_kind kind = oncegate_json_kind_of(json);
    return kind != ONCEGATE_JSON_ABSENT && kind != ONCEGATE_JSON_NULL;
}

static bool is_true(oncegate_json json) {
    return oncegate_text_equal(json.raw, ONCEGATE_TEXT("true"));
}

static oncegate_text text_of(oncegate_json json) {
    oncegate_text text = ONCEGATE_NONE;
    if (is_there(json)) need(read_text(json, &text));
    return text;
}

static oncegate_text bytes_of(oncegate_json json) {
    oncegate_text bytes;
    need(read_bytes(json, &bytes));
    return bytes;
}

// The text for this language, or for those that have none of their own.
static oncegate_text text_for_c(oncegate_json json) {
    if (oncegate_json_kind_of(json) != ONCEGATE_JSON_OBJECT) return text_of(json);
    oncegate_json own = member(json, "c");
    oncegate_json others = member(json, "*");
    if (is_there(own)) return text_of(own);
    return is_there(others) ? text_of(others) : text_of(json);
}

// Without the white space between the values, so that the same steps are the same payload.
static oncegate_text compact(oncegate_text raw) {
    char *at = oncegate_allocate(raw.length);
    size_t length = 0;
    bool quoted = false;
    for (size_t i = 0; i < raw.length; i++) {
        char byte = raw.at[i];
        if (byte == '"') quoted = !quoted;
        if (!quoted && strchr(" \n\r\t", byte) != NULL) continue;
        at[length++] = byte;
        if (byte == '\\') at[length++] = raw.at[++i];
    }
    return (oncegate_text){at, length};
}

static bool is_for_c(oncegate_json json) {
    oncegate_json languages = member(json, "languages");
    if (!is_there(languages)) return true;
    oncegate_json_cursor cursor = oncegate_json_begin(languages);
    while (oncegate_json_next(&cursor)) {
        if (oncegate_text_equal(text_of(cursor.value), ONCEGATE_TEXT("c"))) return true;
    }
    return false;
}

// --- The host that the case asks for

static void set_limits(oncegate_testing *host, oncegate_json json) {
    oncegate_limits *limits = oncegate_testing_limits(host);
    const struct {
        const char *name;
        size_t *limit;
    } known[] = {
        {"keys", &limits->keys},
        {"key_bytes", &limits->key_bytes},
        {"receipt_bytes", &limits->receipt_bytes},
        {"outputs", &limits->outputs},
        {"output_bytes", &limits->output_bytes},
        {"output_headers", &limits->output_headers},
        {"output_name_bytes", &limits->output_name_bytes},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        oncegate_json value = member(json, known[i].name);
        uint64_t limit;
        if (!is_there(value)) continue;
        need(oncegate_json_u64(value, &limit));
        *known[i].limit = (size_t)limit;
    }
}

static void plant(oncegate_testing *host, oncegate_json json) {
    oncegate_text key = text_of(member(json, "key"));
    oncegate_json committed = member(json, "committed");
    oncegate_json in_flight = member(json, "in_flight");
    oncegate_json dead = member(json, "dead");
    uint64_t left_ms;
    if (is_there(committed)) {
        oncegate_text receipt = bytes_of(member(committed, "receipt"));
        oncegate_testing_plant_committed(host, key, receipt, bytes_of(member(committed, "payload")));
    } else if (is_there(in_flight)) {
        need(oncegate_json_u64(in_flight, &left_ms));
        oncegate_testing_plant_in_flight(host, key, left_ms);
    } else if (is_there(dead)) {
        oncegate_testing_plant_dead(host, key, text_of(dead));
    } else {
        oncegate_testing_set_store_down(host, is_there(member(json, "store")));
    }
}

static oncegate_testing *host_of(oncegate_json json) {
    oncegate_testing *host = oncegate_testing_new();
    set_limits(host, member(json, "limits"));
    oncegate_text outputs = text_of(member(json, "outputs"));
    oncegate_testing_set_outputs_free(host, !oncegate_text_equal(outputs, ONCEGATE_TEXT("gated")));
    oncegate_json_cursor cursor = oncegate_json_begin(member(json, "config"));
    while (oncegate_json_next(&cursor)) {
        oncegate_testing_set_config(host, text_of(cursor.name), text_of(cursor.value));
    }
    oncegate_json topics = member(json, "topics");
    if (is_there(topics)) oncegate_testing_allow_topic(host, ONCEGATE_TEXT("results"));
    cursor = oncegate_json_begin(topics);
    while (oncegate_json_next(&cursor)) oncegate_testing_allow_topic(host, text_of(cursor.value));
    cursor = oncegate_json_begin(member(json, "before"));
    while (oncegate_json_next(&cursor)) plant(host, cursor.value);
    return host;
}

static oncegate_message message_of(oncegate_json delivery) {
    oncegate_json steps = member(delivery, "steps");
    oncegate_text payload = is_there(steps) ? compact(steps.raw) : bytes_of(member(delivery, "payload"));
    oncegate_message message = oncegate_testing_message(payload);
    oncegate_json json = member(delivery, "message");
    oncegate_json id = member(json, "id"), topic = member(json, "topic"), attempt = member(json, "attempt");
    oncegate_json published_ms = member(json, "published_ms");
    uint64_t number;
    message.id = is_there(id) ? text_of(id) : ONCEGATE_TEXT("m:0");
    message.topic = is_there(topic) ? text_of(topic) : ONCEGATE_TEXT("in");
    message.key = text_of(member(json, "key"));
    need(read_headers(member(json, "headers"), &message.headers, &message.header_count));
    if (is_there(attempt)) {
        need(oncegate_json_u64(attempt, &number));
        message.attempt = (uint32_t)number;
    }
    if (is_there(published_ms)) {
        // It stands there as a string, which is a number without its quotes.
        oncegate_json digits = {.raw = text_of(published_ms)};
        need(oncegate_json_u64(digits, &message.published_ms));
        message.has_published_ms = true;
    }
    return message;
}

// --- What came of it

static bool contains(oncegate_text text, oncegate_text part) {
    for (size_t i = 0; i + part.length <= text.length; i++) {
        if (memcmp(text.at + i, part.at, part.length) == 0) return true;
    }
    return false;
}

static oncegate_result check_end(oncegate_delivery delivery, oncegate_json expect) {
    oncegate_text end = oncegate_text_of(oncegate_end_word(delivery.end));
    oncegate_text expected = text_of(member(expect, "end"));
    oncegate_json reason = member(expect, "reason"), part = member(expect, "reason_contains");
    if (!oncegate_text_equal(end, expected)) {
        return oncegate_reject(
            "the end is %.*s (%.*s) and not %.*s", ONCEGATE_SHOW(end), ONCEGATE_SHOW(delivery.reason),
            ONCEGATE_SHOW(expected));
    }
    if ((is_there(reason) && !oncegate_text_equal(delivery.reason, text_for_c(reason))) ||
        (is_there(part) && !contains(delivery.reason, text_for_c(part)))) {
        return oncegate_reject("the reason is: %.*s", ONCEGATE_SHOW(delivery.reason));
    }
    return oncegate_ok();
}

static oncegate_result check_results(oncegate_delivery delivery, oncegate_json expected) {
    if (!is_there(expected)) return oncegate_ok();
    for (size_t i = 0; i < delivery.staged.count; i++) {
        const oncegate_output *output = &delivery.staged.at[i];
        if (!oncegate_text_equal(output->topic, ONCEGATE_TEXT("results"))) continue;
        oncegate_json results;
        ONCEGATE_TRY(oncegate_json_read(output->payload, "results", &results));
        if (json_equal(results, expected)) return oncegate_ok();
        return oncegate_reject("the results are: %.*s", ONCEGATE_SHOW(output->payload));
    }
    return oncegate_reject("there are no results");
}

// No payload is an empty one.
static bool bytes_equal(oncegate_text one, oncegate_text other) {
    return one.length == 0 ? other.length == 0 : oncegate_text_equal(one, other);
}

static bool is_output(const oncegate_output *output, oncegate_json expected) {
    oncegate_text key = text_of(member(expected, "key"));
    const oncegate_header *headers;
    size_t header_count;
    need(read_headers(member(expected, "headers"), &headers, &header_count));
    bool same = oncegate_text_equal(output->topic, text_of(member(expected, "topic"))) &&
                oncegate_text_equal(output->key, key) && output->header_count == header_count &&
                bytes_equal(output->payload, bytes_of(member(expected, "payload")));
    for (size_t i = 0; same && i < header_count; i++) {
        same = oncegate_text_equal(output->headers[i].name, headers[i].name) &&
               oncegate_text_equal(output->headers[i].value, headers[i].value);
    }
    return same;
}

// What was applied by this delivery: behind the outputs of those before it.
static oncegate_result check_outputs(const oncegate_testing *host, size_t before, oncegate_json expected) {
    if (!is_there(expected)) return oncegate_ok();
    oncegate_outputs outputs = oncegate_testing_outputs(host);
    oncegate_json_cursor cursor = oncegate_json_begin(expected);
    for (size_t i = before; i < outputs.count; i++) {
        const oncegate_output *output = &outputs.at[i];
        if (oncegate_text_equal(output->topic, ONCEGATE_TEXT("results"))) continue;
        if (!oncegate_json_next(&cursor)) {
            return oncegate_reject("an output too many, to %.*s", ONCEGATE_SHOW(output->topic));
        }
        if (!is_output(output, cursor.value)) {
            return oncegate_reject("an output is not %.*s", ONCEGATE_SHOW(cursor.value.raw));
        }
    }
    if (!oncegate_json_next(&cursor)) return oncegate_ok();
    return oncegate_reject("an output is missing: %.*s", ONCEGATE_SHOW(cursor.value.raw));
}

static bool is_line(const oncegate_log_line *line, oncegate_json expected) {
    static const char *const levels[] = {"trace", "debug", "info", "warn", "error"};
    oncegate_json_cursor cursor = oncegate_json_begin(expected);
    if (!oncegate_json_next(&cursor)) return false;
    bool same = oncegate_text_equal(text_of(cursor.value), oncegate_text_of(levels[line->level]));
    return same && oncegate_json_next(&cursor) && contains(line->text, text_of(cursor.value));
}

static oncegate_result check_log(const oncegate_testing *host, size_t before, oncegate_json expected) {
    oncegate_log_lines log = oncegate_testing_log(host);
    size_t next = before;
    oncegate_json_cursor cursor = oncegate_json_begin(expected);
    while (oncegate_json_next(&cursor)) {
        while (next < log.count && !is_line(&log.at[next], cursor.value)) next++;
        if (next++ >= log.count) {
            return oncegate_reject("a line of the log is missing: %.*s", ONCEGATE_SHOW(cursor.value.raw));
        }
    }
    return oncegate_ok();
}

static oncegate_result run_delivery(oncegate_testing *host, oncegate_json json) {
    size_t outputs = oncegate_testing_outputs(host).count, lines = oncegate_testing_log(host).count;
    oncegate_message message = message_of(json);
    oncegate_delivery delivery = oncegate_testing_deliver(host, oncegate_handle, &message);
    oncegate_json expect = member(json, "expect");
    ONCEGATE_TRY(check_end(delivery, expect));
    ONCEGATE_TRY(check_results(delivery, member(expect, "results")));
    ONCEGATE_TRY(check_outputs(host, outputs, member(expect, "outputs")));
    return check_log(host, lines, member(expect, "log"));
}

// --- All cases

static bool run_case(oncegate_json json) {
    oncegate_testing *host = host_of(json);
    bool passed = true;
    int number = 1;
    oncegate_json_cursor cursor = oncegate_json_begin(member(json, "deliveries"));
    for (; passed && oncegate_json_next(&cursor); number++) {
        oncegate_result result = run_delivery(host, cursor.value);
        passed = result.code == ONCEGATE_OK;
        if (passed) continue;
        fprintf(stderr, "%s, delivery %d: %.*s\n", current_path, number, ONCEGATE_SHOW(result.reason));
    }
    oncegate_testing_free(host);
    return passed;
}

int main(int count, char **paths) {
    int run = 0, failed = 0, elsewhere = 0;
    for (int i = 1; i < count; i++) {
        current_path = paths[i];
        oncegate_json json;
        need(oncegate_json_read(read_file(paths[i]), "case", &json));
        if (!is_for_c(json) || is_true(member(json, "host_only"))) {
            elsewhere++;
            continue;
        }
        run++;
        if (!run_case(json)) failed++;
    }
    printf("%d cases, %d failed; %d are for others\n", run, failed, elsewhere);
    return run > 0 && failed == 0 ? 0 : 1;
}
