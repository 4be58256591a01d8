// The contract as a component's core module sees it: the canonical ABI of wit/plugin/0.1.0, by hand. A text is a
// pointer and a length, a list the same; a variant is a byte that says which case, and behind it, aligned, the case's
// value; what does not fit into one value is written where the last argument points.
//
// This is the one file that a later version of the contract changes.
#if defined __wasm__

#include <stdalign.h>

#include "host.h"
#include "memory.h"
#include "text.h"

#define IMPORT(interface, function)                                                                                    \
    __attribute__((import_module("oncegate:plugin/" interface "@0.1.0"), import_name(function)))
#define EXPORT(function) __attribute__((export_name(function)))

// option<string>, option<list<u8>>
struct optional_text {
    uint8_t is_some;
    oncegate_text text;
};

// dedup.refusal and output.refusal: both have cases with a text, cases with a number, and cases without either.
struct refusal {
    uint8_t which;
    union {
        oncegate_text reason;
        uint32_t limit;
    } with;
};

// result<_, refusal>
struct done {
    uint8_t is_error;
    struct refusal refusal;
};

// result<sighting, refusal>
struct sighted {
    uint8_t is_error;
    union {
        struct {
            uint8_t which;
            union {
                struct optional_text receipt;
                uint64_t left_ms;
            } with;
        } sighting;
        struct refusal refusal;
    } answer;
};

// result<_, failure>
struct handled {
    uint8_t is_error;
    struct {
        uint8_t is_reject;
        oncegate_text reason;
    } failure;
};

// Where the host puts and looks for what it says.
_Static_assert(sizeof(oncegate_text) == 8, "a pointer and a length");
_Static_assert(sizeof(oncegate_header) == 16, "two texts: a list of headers is passed on as it is");
_Static_assert(offsetof(struct optional_text, text) == 4, "behind the flag");
_Static_assert(offsetof(struct done, refusal.with) == 8, "behind both tags");
_Static_assert(offsetof(struct handled, failure) == 4, "aligned for a pointer");
_Static_assert(offsetof(struct handled, failure.reason) == 8, "behind both tags");
_Static_assert(offsetof(struct sighted, answer.sighting.with) == 16, "aligned for a u64");
_Static_assert(offsetof(struct sighted, answer.sighting.with.receipt.text) == 20, "behind the flag");
_Static_assert(offsetof(struct sighted, answer.refusal.with) == 12, "aligned for a pointer");

IMPORT("dedup", "seen") void import_seen(const char *key, size_t length, struct sighted *answer);
IMPORT("dedup", "commit") void import_commit(const char *key, size_t length, struct done *answer);
IMPORT("dedup", "commit-with")
void import_commit_with(
    const char *key, size_t length, const char *receipt, size_t receipt_length, struct done *answer);
IMPORT("output", "emit")
void import_emit(
    const char *topic, size_t topic_length, uint32_t has_key, const char *key, size_t key_length,
    const oncegate_header *headers, size_t header_count, const char *payload, size_t payload_length,
    struct done *answer);
IMPORT("config", "get") void import_get(const char *name, size_t length, struct optional_text *answer);
IMPORT("log", "log") void import_log(uint32_t level, const char *message, size_t length);

// What is there and empty may come with any pointer, NULL among them.
static oncegate_text present(oncegate_text text) {
    return text.length == 0 ? ONCEGATE_TEXT("") : text;
}

static oncegate_text optional(struct optional_text text) {
    return text.is_some ? present(text.text) : ONCEGATE_NONE;
}

// The cases of dedup.refusal and output.refusal, in the order of the contract.
static const oncegate_code gate_refusals[] = {
    ONCEGATE_INVALID_KEY,   ONCEGATE_NOT_CLAIMED,       ONCEGATE_MISMATCH,    ONCEGATE_DEAD,
    ONCEGATE_TOO_MANY_KEYS, ONCEGATE_RECEIPT_TOO_LARGE, ONCEGATE_UNAVAILABLE,
};
static const oncegate_code output_refusals[] = {
    ONCEGATE_TOPIC_NOT_ALLOWED,
    ONCEGATE_OUTPUT_INVALID,
    ONCEGATE_TOO_MANY_OUTPUTS,
    ONCEGATE_OUTPUT_TOO_LARGE,
};

static oncegate_result refused(const oncegate_code *codes, struct refusal refusal) {
    oncegate_result result = {.code = codes[refusal.which]};
    switch (result.code) {
    case ONCEGATE_INVALID_KEY:
    case ONCEGATE_DEAD:
    case ONCEGATE_UNAVAILABLE:
    case ONCEGATE_OUTPUT_INVALID:
        result.reason = present(refusal.with.reason);
        break;
    case ONCEGATE_TOO_MANY_KEYS:
    case ONCEGATE_RECEIPT_TOO_LARGE:
    case ONCEGATE_TOO_MANY_OUTPUTS:
    case ONCEGATE_OUTPUT_TOO_LARGE:
        result.limit = refusal.with.limit;
        break;
    default:
        break;
    }
    return result;
}

static oncegate_result done(const oncegate_code *codes, struct done answer) {
    return answer.is_error ? refused(codes, answer.refusal) : oncegate_ok();
}

oncegate_result oncegate_host_seen(oncegate_text key, oncegate_sighting *sighting) {
    struct sighted answer;
    import_seen(key.at, key.length, &answer);
    if (answer.is_error) return refused(gate_refusals, answer.answer.refusal);
    // The cases stand in the order of the contract.
    *sighting = (oncegate_sighting){.what = answer.answer.sighting.which};
    if (sighting->what == ONCEGATE_DUPLICATE) sighting->receipt = optional(answer.answer.sighting.with.receipt);
    if (sighting->what == ONCEGATE_IN_FLIGHT) sighting->left_ms = answer.answer.sighting.with.left_ms;
    return oncegate_ok();
}

oncegate_result oncegate_host_commit(oncegate_text key) {
    struct done answer;
    import_commit(key.at, key.length, &answer);
    return done(gate_refusals, answer);
}

oncegate_result oncegate_host_commit_with(oncegate_text key, oncegate_text receipt) {
    struct done answer;
    import_commit_with(key.at, key.length, receipt.at, receipt.length, &answer);
    return done(gate_refusals, answer);
}

oncegate_result oncegate_host_emit(const oncegate_output *output) {
    struct done answer;
    import_emit(
        output->topic.at, output->topic.length, output->key.at != NULL, output->key.at, output->key.length,
        output->headers, output->header_count, output->payload.at, output->payload.length, &answer);
    return done(output_refusals, answer);
}

oncegate_text oncegate_host_config(oncegate_text name) {
    struct optional_text answer;
    import_get(name.at, name.length, &answer);
    return optional(answer);
}

void oncegate_host_log(oncegate_level level, oncegate_text text) {
    import_log((uint32_t)level, text.at, text.length);
}

_Noreturn void oncegate_host_end(oncegate_text reason) {
    // It has been logged, and the host shows the last lines before a trap.
    (void)reason;
    __builtin_trap();
}

// The C library's own would write to standard error, which a handler does not have.
_Noreturn void __assert_fail(const char *expression, const char *file, int line, const char *function) {
    oncegate_panic_at(file, line, "%s: assertion failed: %s", function, expression);
}

// The host asks for room: for the message, and for what its functions answer. All of it lives until the call has ended.
EXPORT("cabi_realloc") void *export_realloc(void *at, size_t old_size, size_t align, size_t size) {
    // The contract needs 8 at most, and each allocation has more.
    (void)align;
    return oncegate_memory_grow(old_size == 0 ? NULL : at, old_size, size);
}

EXPORT("handle")
struct handled *export_handle(
    const char *id, size_t id_length, const char *topic, size_t topic_length, uint32_t has_key, const char *key,
    size_t key_length, oncegate_header *headers, size_t header_count, const char *payload, size_t payload_length,
    uint32_t attempt, uint32_t has_published_ms, uint64_t published_ms) {
    for (size_t i = 0; i < header_count; i++) headers[i].value = present(headers[i].value);
    oncegate_message message = {
        .id = present((oncegate_text){id, id_length}),
        .topic = present((oncegate_text){topic, topic_length}),
        .key = optional((struct optional_text){(uint8_t)has_key, {key, key_length}}),
        .headers = headers,
        .header_count = header_count,
        .payload = present((oncegate_text){payload, payload_length}),
        .attempt = attempt,
        .has_published_ms = has_published_ms != 0,
        .published_ms = published_ms,
    };
    static struct handled answer;
    oncegate_result result = oncegate_outcome(oncegate_handle(&message));
    answer = (struct handled){
        .is_error = result.code != ONCEGATE_OK,
        .failure = {result.code == ONCEGATE_REJECT, oncegate_text_shown(result.reason)},
    };
    return &answer;
}

// The host has read the answer: the call has ended.
EXPORT("cabi_post_handle") void export_post_handle(struct handled *answer) {
    (void)answer;
    oncegate_memory_release((oncegate_mark){0});
}

#else
// A translation unit is not empty.
typedef int oncegate_abi;
#endif
