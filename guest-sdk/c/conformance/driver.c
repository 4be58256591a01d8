// The handler of the conformance cases: does the steps that its payload lists, and emits what each of them gave.
#include <string.h>

#include "oncegate.h"
#include "value.h"

enum { PIECE_BYTES = 1024 * 1024 };

struct run {
    const oncegate_message *message;
    oncegate_json_writer results;
    // A step said to return: what comes of the calls around it does not matter.
    bool returned;
};

// Does one step and writes what it gave. A refusal is the caller's.
typedef oncegate_result step(struct run *run, oncegate_json argument);

static oncegate_result do_step(struct run *run, oncegate_json json, bool must);

// --- What the steps give

static oncegate_result write_ok(struct run *run) {
    oncegate_json_write_text(&run->results, ONCEGATE_TEXT("ok"));
    return oncegate_ok();
}

// An object of one member, whose value comes next.
static void write_case(struct run *run, const char *name) {
    oncegate_json_write_object(&run->results);
    oncegate_json_write_name(&run->results, name);
}

static void write_case_of_bytes(struct run *run, const char *name, oncegate_text bytes) {
    write_case(run, name);
    write_bytes(&run->results, bytes);
    oncegate_json_write_end(&run->results);
}

static void write_refusal(struct run *run, oncegate_result refusal) {
    static const struct {
        const char *name;
        enum { ALONE, WITH_REASON, WITH_LIMIT } field;
    } variants[] = {
        [ONCEGATE_INVALID_KEY] = {"invalid-key", WITH_REASON},
        [ONCEGATE_NOT_CLAIMED] = {"not-claimed", ALONE},
        [ONCEGATE_MISMATCH] = {"mismatch", ALONE},
        [ONCEGATE_DEAD] = {"dead", WITH_REASON},
        [ONCEGATE_TOO_MANY_KEYS] = {"too-many-keys", WITH_LIMIT},
        [ONCEGATE_RECEIPT_TOO_LARGE] = {"receipt-too-large", WITH_LIMIT},
        [ONCEGATE_UNAVAILABLE] = {"unavailable", WITH_REASON},
        [ONCEGATE_TOPIC_NOT_ALLOWED] = {"topic-not-allowed", ALONE},
        [ONCEGATE_OUTPUT_INVALID] = {"invalid", WITH_REASON},
        [ONCEGATE_TOO_MANY_OUTPUTS] = {"too-many", WITH_LIMIT},
        [ONCEGATE_OUTPUT_TOO_LARGE] = {"too-large", WITH_LIMIT},
    };
    const char *name = variants[refusal.code].name;
    write_case(run, "refused");
    if (variants[refusal.code].field == ALONE) {
        oncegate_json_write_text(&run->results, oncegate_text_of(name));
    } else {
        write_case(run, name);
        if (variants[refusal.code].field == WITH_REASON) oncegate_json_write_text(&run->results, refusal.reason);
        else oncegate_json_write_u64(&run->results, refusal.limit);
        oncegate_json_write_end(&run->results);
    }
    oncegate_json_write_end(&run->results);
}

// --- The steps

static oncegate_result step_seen(struct run *run, oncegate_json argument) {
    oncegate_text key;
    oncegate_sighting sighting;
    ONCEGATE_TRY(read_text(argument, &key));
    ONCEGATE_TRY(oncegate_seen(key, &sighting));
    switch (sighting.what) {
    case ONCEGATE_NEW:
        oncegate_json_write_text(&run->results, ONCEGATE_TEXT("new"));
        break;
    case ONCEGATE_DUPLICATE:
        write_case_of_bytes(run, "duplicate", sighting.receipt);
        break;
    case ONCEGATE_IN_FLIGHT:
        write_case(run, "in-flight");
        write_decimal(&run->results, sighting.left_ms);
        oncegate_json_write_end(&run->results);
        break;
    }
    return oncegate_ok();
}

static oncegate_result step_commit(struct run *run, oncegate_json argument) {
    oncegate_text key;
    ONCEGATE_TRY(read_text(argument, &key));
    ONCEGATE_TRY(oncegate_commit(key));
    return write_ok(run);
}

static oncegate_result step_commit_with(struct run *run, oncegate_json argument) {
    oncegate_text key, receipt;
    oncegate_json_cursor cursor = oncegate_json_begin(argument);
    if (!oncegate_json_next(&cursor)) return oncegate_reject("payload: a commit without a key");
    ONCEGATE_TRY(read_text(cursor.value, &key));
    if (!oncegate_json_next(&cursor)) return oncegate_reject("payload: a commit without a receipt");
    ONCEGATE_TRY(read_bytes(cursor.value, &receipt));
    ONCEGATE_TRY(oncegate_commit_with(key, receipt));
    return write_ok(run);
}

static oncegate_result step_emit(struct run *run, oncegate_json argument) {
    oncegate_json topic, key, headers, payload;
    ONCEGATE_TRY(oncegate_json_member(argument, "topic", &topic));
    ONCEGATE_TRY(oncegate_json_optional(argument, "key", &key));
    ONCEGATE_TRY(oncegate_json_optional(argument, "headers", &headers));
    ONCEGATE_TRY(oncegate_json_optional(argument, "payload", &payload));
    oncegate_output output = {0};
    oncegate_json_kind kind = oncegate_json_kind_of(key);
    ONCEGATE_TRY(read_text(topic, &output.topic));
    if (kind != ONCEGATE_JSON_ABSENT && kind != ONCEGATE_JSON_NULL) ONCEGATE_TRY(read_text(key, &output.key));
    ONCEGATE_TRY(read_headers(headers, &output.headers, &output.header_count));
    ONCEGATE_TRY(read_bytes(payload, &output.payload));
    ONCEGATE_TRY(oncegate_emit(output));
    return write_ok(run);
}

static oncegate_result step_log(struct run *run, oncegate_json argument) {
    static const char *const levels[] = {"trace", "debug", "info", "warn", "error"};
    oncegate_text level, text;
    oncegate_json_cursor cursor = oncegate_json_begin(argument);
    if (!oncegate_json_next(&cursor)) return oncegate_reject("payload: a line without a level");
    ONCEGATE_TRY(oncegate_json_text(cursor.value, &level));
    if (!oncegate_json_next(&cursor)) return oncegate_reject("payload: a line without a text");
    ONCEGATE_TRY(read_text(cursor.value, &text));
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (!oncegate_text_equal(level, oncegate_text_of(levels[i]))) continue;
        oncegate_log_text((oncegate_level)i, text);
        return write_ok(run);
    }
    return oncegate_reject("payload: no such level");
}

static oncegate_result step_config(struct run *run, oncegate_json argument) {
    oncegate_text name;
    ONCEGATE_TRY(read_text(argument, &name));
    write_optional(&run->results, oncegate_config(name));
    return oncegate_ok();
}

static oncegate_result step_message(struct run *run, oncegate_json argument) {
    (void)argument;
    const oncegate_message *message = run->message;
    oncegate_json_writer *results = &run->results;
    oncegate_json_write_object(results);
    oncegate_json_write_name(results, "id");
    oncegate_json_write_text(results, message->id);
    oncegate_json_write_name(results, "topic");
    oncegate_json_write_text(results, message->topic);
    oncegate_json_write_name(results, "key");
    write_optional(results, message->key);
    oncegate_json_write_name(results, "headers");
    write_headers(results, message->headers, message->header_count);
    oncegate_json_write_name(results, "payload");
    write_bytes(results, message->payload);
    oncegate_json_write_name(results, "attempt");
    oncegate_json_write_u64(results, message->attempt);
    oncegate_json_write_name(results, "published_ms");
    if (message->has_published_ms) write_decimal(results, message->published_ms);
    else oncegate_json_write_null(results);
    oncegate_json_write_end(results);
    return oncegate_ok();
}

static oncegate_result step_must(struct run *run, oncegate_json argument) {
    return do_step(run, argument, true);
}

static oncegate_result step_return(struct run *run, oncegate_json argument) {
    (void)argument;
    run->returned = true;
    return oncegate_retry("returned");
}

static oncegate_result step_retry(struct run *run, oncegate_json argument) {
    (void)run;
    oncegate_text reason;
    ONCEGATE_TRY(read_text(argument, &reason));
    return oncegate_retry_text(reason);
}

static oncegate_result step_reject(struct run *run, oncegate_json argument) {
    (void)run;
    oncegate_text reason;
    ONCEGATE_TRY(read_text(argument, &reason));
    return oncegate_reject_text(reason);
}

static oncegate_result step_panic(struct run *run, oncegate_json argument) {
    (void)run;
    oncegate_text text;
    ONCEGATE_TRY(read_text(argument, &text));
    oncegate_panic("%.*s", ONCEGATE_SHOW(text));
}

static oncegate_result step_allocate(struct run *run, oncegate_json argument) {
    uint64_t bytes;
    ONCEGATE_TRY(oncegate_json_u64(argument, &bytes));
    for (uint64_t left = bytes; left > 0;) {
        size_t size = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        memset(oncegate_allocate(size), 1, size);
        left -= size;
    }
    return write_ok(run);
}

// --- Steps within a key

struct work {
    struct run *run;
    oncegate_json steps;
    oncegate_text receipt;
};

static oncegate_result do_steps(struct run *run, oncegate_json steps) {
    oncegate_json_cursor cursor = oncegate_json_begin(steps);
    while (oncegate_json_next(&cursor)) ONCEGATE_TRY(do_step(run, cursor.value, false));
    return oncegate_ok();
}

static oncegate_result do_work(void *context, oncegate_text *receipt) {
    struct work *work = context;
    *receipt = work->receipt;
    return do_steps(work->run, work->steps);
}

static oncegate_result step_once(struct run *run, oncegate_json argument) {
    struct work work = {.run = run};
    oncegate_json key_json, receipt;
    oncegate_text key;
    ONCEGATE_TRY(oncegate_json_member(argument, "key", &key_json));
    ONCEGATE_TRY(oncegate_json_optional(argument, "receipt", &receipt));
    ONCEGATE_TRY(oncegate_json_member(argument, "steps", &work.steps));
    ONCEGATE_TRY(read_text(key_json, &key));
    ONCEGATE_TRY(read_bytes(receipt, &work.receipt));
    oncegate_passage passage;
    ONCEGATE_TRY(oncegate_once(key, do_work, &work, &passage));
    write_case_of_bytes(run, passage.first ? "first" : "duplicate", passage.receipt);
    return oncegate_ok();
}

// --- All of it

// Those whose refusals leave the handler like any other failure.
static bool lets_through(step *known) {
    return known == step_must || known == step_once;
}

static step *step_of(oncegate_text name) {
    static const struct {
        const char *name;
        step *step;
    } steps[] = {
        {"seen", step_seen},         {"commit", step_commit}, {"commit-with", step_commit_with},
        {"emit", step_emit},         {"log", step_log},       {"config", step_config},
        {"message", step_message},   {"must", step_must},     {"once", step_once},
        {"return", step_return},     {"retry", step_retry},   {"reject", step_reject},
        {"allocate", step_allocate}, {"panic", step_panic},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (oncegate_text_equal(name, oncegate_text_of(steps[i].name))) return steps[i].step;
    }
    return NULL;
}

static oncegate_result do_step(struct run *run, oncegate_json json, bool must) {
    oncegate_json_cursor cursor = oncegate_json_begin(json);
    if (!oncegate_json_next(&cursor)) return oncegate_reject("payload: a step is an object of one member");
    oncegate_text name;
    ONCEGATE_TRY(oncegate_json_text(cursor.name, &name));
    step *found = step_of(name);
    if (found == NULL) return oncegate_reject("payload: no such step: %.*s", ONCEGATE_SHOW(name));
    oncegate_result result = found(run, cursor.value);
    bool refused = result.code != ONCEGATE_OK && result.code != ONCEGATE_RETRY && result.code != ONCEGATE_REJECT;
    if (!refused || must || lets_through(found)) return result;
    write_refusal(run, result);
    return oncegate_ok();
}

static oncegate_result do_payload(struct run *run) {
    const oncegate_message *message = run->message;
    if (oncegate_message_header(message, "echo").at != NULL) return step_message(run, (oncegate_json){0});
    oncegate_json json;
    ONCEGATE_TRY(oncegate_message_json(message, &json));
    if (oncegate_json_kind_of(json) != ONCEGATE_JSON_ARRAY) return oncegate_reject("payload: not a list of steps");
    return do_steps(run, json);
}

oncegate_result oncegate_handle(const oncegate_message *message) {
    struct run run = {.message = message};
    oncegate_json_write_array(&run.results);
    oncegate_result result = do_payload(&run);
    if (result.code != ONCEGATE_OK && !run.returned) return result;
    oncegate_json_write_end(&run.results);
    oncegate_text way = oncegate_message_header(message, "results");
    if (oncegate_text_equal(way, ONCEGATE_TEXT("reason"))) {
        oncegate_text results;
        ONCEGATE_TRY(oncegate_json_written(&run.results, &results));
        return oncegate_reject_text(in_ascii(results));
    }
    return oncegate_emit_json((oncegate_output){.topic = ONCEGATE_TEXT("results")}, &run.results);
}
