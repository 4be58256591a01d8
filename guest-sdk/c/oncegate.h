// Handlers in C: a message comes in, its key passes a gate once, outputs go out. README.md shows the whole of one.
//
// A component has one thread, and so has this. Whatever a call here returns, and whatever the message points to, lives
// until the handler returns; the handler frees nothing of it and keeps nothing of it.
#ifndef ONCEGATE_H
#define ONCEGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ONCEGATE_VERSION "0.1.0"

#if defined __GNUC__
#define ONCEGATE_PRINTF(string, first) __attribute__((format(printf, string, first)))
#define ONCEGATE_MUST_USE __attribute__((warn_unused_result))
#else
#define ONCEGATE_PRINTF(string, first)
#define ONCEGATE_MUST_USE
#endif

// --- Text

// Bytes with a length: keys and payloads may hold any byte, also zero. What the contract calls a string is UTF-8.
// `at` is NULL for what is not there; a text that is there and empty has an `at`.
typedef struct oncegate_text {
    const char *at;
    size_t length;
} oncegate_text;

// What is not there: no key, no receipt, no value.
#define ONCEGATE_NONE ((oncegate_text){NULL, 0})

// A literal as text.
#define ONCEGATE_TEXT(literal) ((oncegate_text){"" literal "", sizeof(literal) - 1})

// A text as two arguments for "%.*s". What follows a zero byte is not shown; `oncegate_text_join` keeps every byte.
#define ONCEGATE_SHOW(text) (int)((text).length & 0x7fffffff), (text).at ? (text).at : ""

// A C string as text, without a copy.
oncegate_text oncegate_text_of(const char *string);

// Whether both are there and have the same bytes, or neither is there.
bool oncegate_text_equal(oncegate_text one, oncegate_text other);

// One text behind the other.
oncegate_text oncegate_text_join(oncegate_text one, oncegate_text other);

// As `printf` writes it.
oncegate_text oncegate_format(const char *format, ...) ONCEGATE_PRINTF(1, 2);

// Memory until the handler returns, aligned for every type. Where there is no more, the handler ends in a panic: this
// does not return NULL.
void *oncegate_allocate(size_t size);

// --- The message

// One header. Names may repeat; most values are UTF-8, nothing guarantees it.
typedef struct oncegate_header {
    oncegate_text name;
    oncegate_text value;
} oncegate_header;

// One delivery of a message.
typedef struct oncegate_message {
    // The source's own identifier. It changes when a producer sends the same event again: no business key.
    oncegate_text id;
    oncegate_text topic;
    // The producer's message key, if it set one.
    oncegate_text key;
    // The producer's headers, in order.
    const oncegate_header *headers;
    size_t header_count;
    // The payload's exact bytes.
    oncegate_text payload;
    // Which delivery of this message this is, as far as the source can tell: 1 for the first one.
    uint32_t attempt;
    // When the message was published, in milliseconds since 1970-01-01 UTC, if the source says so.
    bool has_published_ms;
    uint64_t published_ms;
} oncegate_message;

// The value of the first header of this name, compared exactly; ONCEGATE_NONE if there is none.
oncegate_text oncegate_message_header(const oncegate_message *message, const char *name);

// --- Results

// How a call ended, and how a handler ends.
typedef enum oncegate_code {
    ONCEGATE_OK,
    // It may work later: the delivery is made again after a back-off, and one attempt is used up.
    ONCEGATE_RETRY,
    // It can never work: the delivery goes to the dead letters, with the reason.
    ONCEGATE_REJECT,
    // The gate's refusals. The key is empty or too long; `reason` says which.
    ONCEGATE_INVALID_KEY,
    // A commit named a key for which this invocation was not answered new.
    ONCEGATE_NOT_CLAIMED,
    // The key was committed with another payload.
    ONCEGATE_MISMATCH,
    // The key was given up earlier, for this `reason`.
    ONCEGATE_DEAD,
    // More than `limit` keys in one invocation.
    ONCEGATE_TOO_MANY_KEYS,
    // The receipt has more than `limit` bytes.
    ONCEGATE_RECEIPT_TOO_LARGE,
    // The store could not answer; `reason` says why.
    ONCEGATE_UNAVAILABLE,
    // The refusals of an output. This handler may not write to that topic.
    ONCEGATE_TOPIC_NOT_ALLOWED,
    // A name is empty, too long or reserved; `reason` says which.
    ONCEGATE_OUTPUT_INVALID,
    // More than `limit` outputs in one invocation.
    ONCEGATE_TOO_MANY_OUTPUTS,
    // More than `limit` bytes of outputs in one invocation.
    ONCEGATE_OUTPUT_TOO_LARGE,
} oncegate_code;

// A code, and the field that belongs to it. A handler may return any of them: an outage is then a retry, every other
// refusal a reject.
typedef struct oncegate_result {
    oncegate_code code;
    uint32_t limit;
    oncegate_text reason;
} oncegate_result;

// Nothing went wrong.
oncegate_result oncegate_ok(void);

// ONCEGATE_RETRY with this reason, as `printf` writes it.
oncegate_result oncegate_retry(const char *format, ...) ONCEGATE_PRINTF(1, 2) ONCEGATE_MUST_USE;

// ONCEGATE_REJECT with this reason, as `printf` writes it.
oncegate_result oncegate_reject(const char *format, ...) ONCEGATE_PRINTF(1, 2) ONCEGATE_MUST_USE;

// The same with a text of any bytes.
oncegate_result oncegate_retry_text(oncegate_text reason) ONCEGATE_MUST_USE;
oncegate_result oncegate_reject_text(oncegate_text reason) ONCEGATE_MUST_USE;

// What the host is told if a handler returns this: ONCEGATE_OK, ONCEGATE_RETRY or ONCEGATE_REJECT.
oncegate_result oncegate_outcome(oncegate_result result);

// Goes on if the call ended well, and else returns its result from the function that this stands in.
#define ONCEGATE_TRY(call)                                                                                             \
    do {                                                                                                               \
        oncegate_result oncegate_tried = (call);                                                                       \
        if (oncegate_tried.code != ONCEGATE_OK) return oncegate_tried;                                                 \
    } while (0)

// --- The gate

// How a key passed the gate.
typedef struct oncegate_passage {
    // Whether this invocation did the work.
    bool first;
    // What is stored with the commit, the same for the first delivery and for every later one.
    oncegate_text receipt;
} oncegate_passage;

// The work that belongs to a key. It may leave a receipt, which is ONCEGATE_NONE when it is called.
typedef oncegate_result oncegate_work(void *context, oncegate_text *receipt);

// Does the work that belongs to a key, unless it has been done: claims the key, calls `work` if the key is new, and
// commits the key with the receipt that `work` left. `passage` may be NULL.
//
// The key names the business event (a payment's id, an order's number), not the delivery. What `work` emits belongs
// to this key, so keys are not nested: an output emitted after an inner call would belong to the inner key.
//
// Ends as `work` did if that failed, with a retry if the key is in flight elsewhere, or with the host's refusal.
oncegate_result oncegate_once(oncegate_text key, oncegate_work *work, void *context, oncegate_passage *passage)
    ONCEGATE_MUST_USE;

// The answer to `oncegate_seen`.
typedef struct oncegate_sighting {
    enum {
        // This invocation holds the claim: do the work, then commit the key.
        ONCEGATE_NEW,
        // The key's effect has happened: do nothing. With it comes `receipt`, if one was stored.
        ONCEGATE_DUPLICATE,
        // Another delivery holds the claim, for at most `left_ms` more. Return: whatever the handler returns, the
        // host makes this delivery again later and uses up no attempt.
        ONCEGATE_IN_FLIGHT,
    } what;
    oncegate_text receipt;
    uint64_t left_ms;
} oncegate_sighting;

// The gate's questions as the contract has them, for several keys, or a receipt that depends on another key.
// `oncegate_seen` is no mere look: after ONCEGATE_NEW, commit the key or fail.
oncegate_result oncegate_seen(oncegate_text key, oncegate_sighting *sighting) ONCEGATE_MUST_USE;

// Stages the commit of a key that was answered new. A second commit of the same key changes nothing.
oncegate_result oncegate_commit(oncegate_text key) ONCEGATE_MUST_USE;

// The same, with bytes that every later duplicate is given; ONCEGATE_NONE for none.
oncegate_result oncegate_commit_with(oncegate_text key, oncegate_text receipt) ONCEGATE_MUST_USE;

// --- Outputs, values, the log

// What a handler makes happen. All but the topic may be left out.
typedef struct oncegate_output {
    // The operator must have allowed it.
    oncegate_text topic;
    // The output's message key, by which brokers choose a partition.
    oncegate_text key;
    // Names that begin with `oncegate-` are the host's own.
    const oncegate_header *headers;
    size_t header_count;
    oncegate_text payload;
} oncegate_output;

// Stages one output. It is applied when the handler returns ONCEGATE_OK, and belongs to the key that was most
// recently new: without that key's commit it is not applied. Inside `oncegate_once` that is so by itself.
oncegate_result oncegate_emit(oncegate_output output) ONCEGATE_MUST_USE;

// The value that the operator set under this name; ONCEGATE_NONE if none.
oncegate_text oncegate_config(oncegate_text name);

typedef enum oncegate_level {
    ONCEGATE_TRACE,
    ONCEGATE_DEBUG,
    ONCEGATE_INFO,
    ONCEGATE_WARN,
    ONCEGATE_ERROR,
} oncegate_level;

// Writes one line for the operator, as `printf` writes it. Never fails; the host escapes and cuts it.
void oncegate_log(oncegate_level level, const char *format, ...) ONCEGATE_PRINTF(2, 3);

// The same with a text of any bytes.
void oncegate_log_text(oncegate_level level, oncegate_text text);

// For what must not happen. Logs the text at level error with the place, and ends the invocation; to the host that is
// a retry.
#define oncegate_panic(...) oncegate_panic_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void oncegate_panic_at(const char *file, int line, const char *format, ...) ONCEGATE_PRINTF(3, 4);

// --- The handler

// The one function that you define: handles one delivery. ONCEGATE_OK applies what was staged and acknowledges.
oncegate_result oncegate_handle(const oncegate_message *message);

#include "oncegate_json.h"

#endif
