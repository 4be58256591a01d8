#include <stdlib.h>

#include "../src/gate.h"
#include "../src/memory.h"
#include "../src/text.h"
#include "testing.h"

struct invocation *oncegate_testing_current = NULL;

const char *oncegate_end_word(oncegate_end end) {
    static const char *const words[] = {
        "applied", "deferred", "retry", "reject", "mismatch", "dead", "effect-without-commit",
    };
    return words[end];
}

oncegate_message oncegate_testing_message(oncegate_text payload) {
    return (oncegate_message){
        .id = ONCEGATE_TEXT("test:0"), .topic = ONCEGATE_TEXT("test"), .payload = payload, .attempt = 1};
}

// The reason as a handler would have given it.
static oncegate_delivery ended(oncegate_end end, oncegate_result result) {
    return (oncegate_delivery){.end = end, .reason = oncegate_outcome(result).reason};
}

// What a key's answer decides, whatever the handler returned: a deferral goes before any death. False if none does.
static bool is_decided(const struct invocation *invocation, oncegate_delivery *delivery) {
    const struct known *known = invocation->known.at;
    bool dies = false;
    for (size_t i = 0; i < invocation->known.count; i++) {
        oncegate_result refusal = known[i].refusal;
        if (refusal.code == ONCEGATE_UNAVAILABLE) {
            *delivery = ended(ONCEGATE_DEFERRED, refusal);
            return true;
        }
        if (refusal.code == ONCEGATE_OK && known[i].sighting.what == ONCEGATE_IN_FLIGHT) {
            *delivery = ended(ONCEGATE_DEFERRED, oncegate_in_flight(known[i].sighting.left_ms));
            return true;
        }
        bool kills = refusal.code == ONCEGATE_MISMATCH || refusal.code == ONCEGATE_DEAD;
        if (!kills || dies) continue;
        *delivery = ended(refusal.code == ONCEGATE_DEAD ? ONCEGATE_KEY_DEAD : ONCEGATE_MISMATCHED, refusal);
        dies = true;
    }
    return dies;
}

// The first output whose key is not committed, or, emitted before any key was new, without any commit; NULL if none.
static const oncegate_output *uncovered(const struct invocation *invocation) {
    const struct known *known = invocation->known.at;
    const oncegate_output *outputs = invocation->outputs.at;
    const int *owners = invocation->owners.at;
    bool any = false;
    for (size_t i = 0; i < invocation->known.count; i++) any = any || known[i].staged;
    for (size_t i = 0; i < invocation->outputs.count; i++) {
        if (!(owners[i] == NO_KEY ? any : known[owners[i]].staged)) return &outputs[i];
    }
    return NULL;
}

static oncegate_delivery end_of(const struct invocation *invocation, oncegate_result returned) {
    oncegate_delivery delivery;
    if (is_decided(invocation, &delivery)) return delivery;
    if (returned.code == ONCEGATE_REJECT) return ended(ONCEGATE_REJECTED, returned);
    if (returned.code == ONCEGATE_RETRY) return ended(ONCEGATE_RETRIED, returned);
    if (invocation->too_many_keys) {
        size_t limit = invocation->host->limits.keys;
        return ended(ONCEGATE_RETRIED, oncegate_retry("more than %zu keys in one delivery", limit));
    }
    const oncegate_output *output = invocation->host->outputs_free ? NULL : uncovered(invocation);
    if (output == NULL) return (oncegate_delivery){.end = ONCEGATE_APPLIED};
    return ended(
        ONCEGATE_EFFECT_WITHOUT_COMMIT,
        oncegate_reject("an output to %.*s without the commit of its key", ONCEGATE_SHOW(output->topic)));
}

static void apply(const struct invocation *invocation) {
    const struct known *known = invocation->known.at;
    for (size_t i = 0; i < invocation->known.count; i++) {
        if (!known[i].staged) continue;
        oncegate_testing_plant_committed(
            invocation->host, known[i].key, known[i].receipt, invocation->message->payload);
    }
    const oncegate_output *outputs = invocation->outputs.at;
    for (size_t i = 0; i < invocation->outputs.count; i++) {
        oncegate_output *applied = oncegate_testing_add(&invocation->host->outputs, sizeof *applied);
        *applied = outputs[i];
    }
}

// Calls the handler, and comes back also if it panics.
static oncegate_result run(struct invocation *invocation, oncegate_handler *handler) {
    struct invocation *outer = oncegate_testing_current;
    oncegate_testing_current = invocation;
    oncegate_result returned = {.code = ONCEGATE_RETRY};
    if (setjmp(invocation->panic) == 0) {
        returned = oncegate_outcome(handler(invocation->message));
        returned.reason = oncegate_text_shown(returned.reason);
    } else {
        returned.reason = invocation->panic_text;
    }
    oncegate_testing_current = outer;
    return returned;
}

oncegate_delivery oncegate_testing_deliver(
    oncegate_testing *host, oncegate_handler *handler, const oncegate_message *message) {
    struct invocation invocation = {.host = host, .message = message, .last_new = NO_KEY};
    oncegate_mark mark = oncegate_memory_mark();
    oncegate_result returned = run(&invocation, handler);
    oncegate_delivery delivery = end_of(&invocation, returned);
    delivery.reason = oncegate_testing_keep_text(host, delivery.reason);
    if (returned.code == ONCEGATE_OK) {
        size_t count = invocation.outputs.count;
        delivery.staged.at = oncegate_testing_keep(host, invocation.outputs.at, count * sizeof(oncegate_output));
        delivery.staged.count = count;
    }
    if (delivery.end == ONCEGATE_APPLIED) apply(&invocation);
    free(invocation.known.at);
    free(invocation.outputs.at);
    free(invocation.owners.at);
    oncegate_memory_release(mark);
    return delivery;
}
