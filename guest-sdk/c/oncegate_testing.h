// A small host in memory, so that a handler's own tests are a C program, without a component.
//
// It keeps the contract's rules for one handler at a time: what an invocation staged is applied together when it
// returns ONCEGATE_OK and not at all otherwise, an output needs the commit of its key, a key is refused for what a real
// host refuses it for, a delivery that met a key in flight is deferred, and a dead letter leaves the keys that it claimed
// dead. It has no leases and no back-off.
//
//     oncegate_testing *host = oncegate_testing_new();
//     oncegate_message message = oncegate_testing_message(ONCEGATE_TEXT("{}"));
//     oncegate_delivery delivery = oncegate_testing_deliver(host, oncegate_handle, &message);
//     … delivery.end == ONCEGATE_APPLIED …
//     oncegate_testing_free(host);
//
// What it returns lives until the host is freed.
#ifndef ONCEGATE_TESTING_H
#define ONCEGATE_TESTING_H

#include "oncegate.h"

// The host: what it remembers between deliveries.
typedef struct oncegate_testing oncegate_testing;

// A host that has seen nothing.
oncegate_testing *oncegate_testing_new(void);
void oncegate_testing_free(oncegate_testing *host);

// --- What it allows

// As a host's defaults are.
typedef struct oncegate_limits {
    // Keys in one invocation, and bytes of one key and of one receipt.
    size_t keys;
    size_t key_bytes;
    size_t receipt_bytes;
    // Outputs in one invocation and their bytes, headers of one output, bytes of one of its names.
    size_t outputs;
    size_t output_bytes;
    size_t output_headers;
    size_t output_name_bytes;
} oncegate_limits;

// The limits, to be changed in place.
oncegate_limits *oncegate_testing_limits(oncegate_testing *host);

// Allows this topic, and from the first one on no topic that is not named. Until then every topic is allowed.
void oncegate_testing_allow_topic(oncegate_testing *host, oncegate_text topic);

// Applies outputs that no commit covers, as `outputs = "free"` does.
void oncegate_testing_set_outputs_free(oncegate_testing *host, bool free);

// What `oncegate_config` answers for this name.
void oncegate_testing_set_config(oncegate_testing *host, oncegate_text name, oncegate_text value);

// --- What happened before

// A commit of this key by a message with this payload; with ONCEGATE_NONE every payload is the same event.
void oncegate_testing_plant_committed(
    oncegate_testing *host, oncegate_text key, oncegate_text receipt, oncegate_text payload);

// Another delivery that holds this key.
void oncegate_testing_plant_in_flight(oncegate_testing *host, oncegate_text key, uint64_t left_ms);

// A delivery of this key that was given up.
void oncegate_testing_plant_dead(oncegate_testing *host, oncegate_text key, oncegate_text reason);

// A store that does not answer, or does again.
void oncegate_testing_set_store_down(oncegate_testing *host, bool down);

// --- Deliveries

typedef oncegate_result oncegate_handler(const oncegate_message *message);

// How a delivery ended.
typedef enum oncegate_end {
    // The handler returned ONCEGATE_OK, and what it staged was applied.
    ONCEGATE_APPLIED,
    // A key was in flight or the store did not answer: it would be made again, and no attempt is used up.
    ONCEGATE_DEFERRED,
    // The handler asked for another delivery, panicked or named too many keys.
    ONCEGATE_RETRIED,
    // The other ends are dead letters. The handler rejected it.
    ONCEGATE_REJECTED,
    // A key was committed with another payload.
    ONCEGATE_MISMATCHED,
    // A key was given up earlier.
    ONCEGATE_KEY_DEAD,
    // An output's key was not committed.
    ONCEGATE_EFFECT_WITHOUT_COMMIT,
} oncegate_end;

// The end's word: "applied", "deferred", "retry", "reject", "mismatch", "dead", "effect-without-commit".
const char *oncegate_end_word(oncegate_end end);

// Outputs, the oldest first.
typedef struct oncegate_outputs {
    const oncegate_output *at;
    size_t count;
} oncegate_outputs;

typedef struct oncegate_delivery {
    oncegate_end end;
    // Why, if it was not applied.
    oncegate_text reason;
    // What the handler emitted, if it returned ONCEGATE_OK, whatever became of it.
    oncegate_outputs staged;
} oncegate_delivery;

// A first delivery of a message with this payload, without key, headers or time.
oncegate_message oncegate_testing_message(oncegate_text payload);

// Hands one message to a handler and applies what it staged, if it may be applied. If it would go to the dead letters, the
// keys that it claimed are dead from now on. `oncegate_panic` ends the handler, and the delivery as a retry with its text.
oncegate_delivery oncegate_testing_deliver(
    oncegate_testing *host, oncegate_handler *handler, const oncegate_message *message);

// --- What came of it

// All outputs that were applied.
oncegate_outputs oncegate_testing_outputs(const oncegate_testing *host);

bool oncegate_testing_is_committed(const oncegate_testing *host, oncegate_text key);

// The receipt of a committed key; ONCEGATE_NONE if it has none.
oncegate_text oncegate_testing_receipt(const oncegate_testing *host, oncegate_text key);

typedef struct oncegate_log_line {
    oncegate_level level;
    oncegate_text text;
} oncegate_log_line;

typedef struct oncegate_log_lines {
    const oncegate_log_line *at;
    size_t count;
} oncegate_log_lines;

// All lines that were logged, also by invocations that failed, the oldest first.
oncegate_log_lines oncegate_testing_log(const oncegate_testing *host);

#endif
