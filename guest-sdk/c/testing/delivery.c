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

// How a delivery ends, and what the keys that it claimed are dead for from now on; ONCEGATE_NONE if they are not.
struct verdict {
    oncegate_delivery delivery;
    oncegate_text death;
};

// The reason as a handler would have given it.
static struct verdict ended(oncegate_end end, oncegate_result result) {
    return (struct verdict){.delivery = {.end = end, .reason = oncegate_outcome(result).reason}};
}

static struct verdict dead(oncegate_end end, oncegate_result result, oncegate_text death) {
    struct verdict verdict = ended(end, result);
    verdict.death = death;
    return verdict;
}

// What a key kills its delivery with. One that died before dies of the same once more.
static struct verdict killed_by(const struct known *known) {
    oncegate_text reason = known->refusal.reason;
    if (known->refusal.code == ONCEGATE_MISMATCH) {
        oncegate_text death = oncegate_text_join(ONCEGATE_TEXT("mismatch: key "), known->key);
        death = oncegate_text_join(death, ONCEGATE_TEXT(" was committed with another payload"));
        return dead(ONCEGATE_MISMATCHED, known->refusal, death);
    }
    if (!known->is_own) reason = oncegate_text_join(ONCEGATE_TEXT("key is dead: "), reason);
    return dead(ONCEGATE_KEY_DEAD, known->refusal, reason);
}

// What a key's answer decides, whatever the handler returned: a deferral goes before any death. False if none does.
static bool is_decided(const struct invocation *invocation, struct verdict *verdict) {
    const struct known *known = invocation->known.at;
    bool dies = false;
    for (size_t i = 0; i < invocation->known.count; i++) {
        oncegate_result refusal = known[i].refusal;
        if (refusal.code == ONCEGATE_UNAVAILABLE) {
            *verdict = ended(ONCEGATE_DEFERRED, refusal);
            return true;
        }
        if (refusal.code == ONCEGATE_OK && known[i].sighting.what == ONCEGATE_IN_FLIGHT) {
            *verdict = ended(ONCEGATE_DEFERRED, oncegate_in_flight(known[i].sighting.left_ms));
            return true;
        }
        bool kills = refusal.code == ONCEGATE_MISMATCH || refusal.code == ONCEGATE_DEAD;
        if (!kills || dies) continue;
        *verdict = killed_by(&known[i]);
        dies = true;
    }
    return dies;
}

// Names the first output whose key is not committed, or, emitted before any key was new, without any commit;
// ONCEGATE_NONE if there is none.
static oncegate_text uncovered(const struct invocation *invocation) {
    const struct known *known = invocation->known.at;
    const oncegate_output *outputs = invocation->outputs.at;
    const int *owners = invocation->owners.at;
    bool any = false;
    for (size_t i = 0; i < invocation->known.count; i++) any = any || known[i].staged;
    for (size_t i = 0; i < invocation->outputs.count; i++) {
        if (owners[i] == NO_KEY ? any : known[owners[i]].staged) continue;
        const char *why = owners[i] == NO_KEY ? "no key was committed" : "its key was not committed";
        return oncegate_format("output %zu to topic %.*s: %s", i + 1, ONCEGATE_SHOW(outputs[i].topic), why);
    }
    return ONCEGATE_NONE;
}

static struct verdict end_of(const struct invocation *invocation, oncegate_result returned) {
    struct verdict verdict;
    if (is_decided(invocation, &verdict)) return verdict;
    if (returned.code == ONCEGATE_REJECT) {
        oncegate_text death = oncegate_text_join(ONCEGATE_TEXT("rejected: "), returned.reason);
        return dead(ONCEGATE_REJECTED, returned, death);
    }
    if (returned.code == ONCEGATE_RETRY) return ended(ONCEGATE_RETRIED, returned);
    if (invocation->too_many_keys) {
        size_t limit = invocation->host->limits.keys;
        return ended(ONCEGATE_RETRIED, oncegate_retry("more than %zu keys in one delivery", limit));
    }
    oncegate_text bare = invocation->host->outputs_free ? ONCEGATE_NONE : uncovered(invocation);
    if (bare.at == NULL) return (struct verdict){.delivery = {.end = ONCEGATE_APPLIED}};
    oncegate_text death = oncegate_text_join(ONCEGATE_TEXT("effect without commit: "), bare);
    return dead(ONCEGATE_EFFECT_WITHOUT_COMMIT, oncegate_reject_text(bare), death);
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

// Marks the keys that the invocation claimed dead, committed or not.
static void die(const struct invocation *invocation, oncegate_text reason) {
    const struct known *known = invocation->known.at;
    const oncegate_message *message = invocation->message;
    for (size_t i = 0; i < invocation->known.count; i++) {
        if (known[i].refusal.code != ONCEGATE_OK || known[i].sighting.what != ONCEGATE_NEW) continue;
        struct record record = {
            .key = known[i].key, .what = DEAD, .reason = reason, .topic = message->topic, .id = message->id};
        oncegate_testing_plant(invocation->host, record);
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
    struct verdict verdict = end_of(&invocation, returned);
    oncegate_delivery delivery = verdict.delivery;
    delivery.reason = oncegate_testing_keep_text(host, delivery.reason);
    if (returned.code == ONCEGATE_OK) {
        size_t count = invocation.outputs.count;
        delivery.staged.at = oncegate_testing_keep(host, invocation.outputs.at, count * sizeof(oncegate_output));
        delivery.staged.count = count;
    }
    if (delivery.end == ONCEGATE_APPLIED) apply(&invocation);
    if (verdict.death.at != NULL) die(&invocation, verdict.death);
    free(invocation.known.at);
    free(invocation.outputs.at);
    free(invocation.owners.at);
    oncegate_memory_release(mark);
    return delivery;
}
