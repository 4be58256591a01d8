// The gate's rules, as a real host has them.
#include "../src/host.h"
#include "testing.h"

// What a call outside of a delivery is told.
#define OUTSIDE ONCEGATE_TEXT("called outside `oncegate_testing_deliver`")

static oncegate_result refusal(oncegate_code code, oncegate_text reason) {
    return (oncegate_result){.code = code, .reason = reason};
}

static oncegate_result beyond(oncegate_code code, size_t limit) {
    return (oncegate_result){.code = code, .limit = (uint32_t)limit};
}

static oncegate_result check(const oncegate_testing *host, oncegate_text key) {
    size_t limit = host->limits.key_bytes;
    if (key.length == 0) return refusal(ONCEGATE_INVALID_KEY, ONCEGATE_TEXT("it is empty"));
    if (key.length <= limit) return oncegate_ok();
    return refusal(
        ONCEGATE_INVALID_KEY, oncegate_format("it has %zu bytes, and %zu are allowed", key.length, limit));
}

static struct known *find(const struct invocation *invocation, oncegate_text key) {
    struct known *known = invocation->known.at;
    for (size_t i = 0; i < invocation->known.count; i++) {
        if (oncegate_text_equal(known[i].key, key)) return &known[i];
    }
    return NULL;
}

// What the store says of a key that this invocation names for the first time.
static oncegate_result look(const struct invocation *invocation, struct known *known) {
    const oncegate_message *message = invocation->message;
    known->sighting = (oncegate_sighting){.what = ONCEGATE_NEW};
    if (invocation->host->store_down) {
        return refusal(ONCEGATE_UNAVAILABLE, ONCEGATE_TEXT("the store did not answer"));
    }
    const struct record *record = oncegate_testing_record(invocation->host, known->key);
    if (record == NULL) return oncegate_ok();
    switch (record->what) {
    case IN_FLIGHT:
        known->sighting = (oncegate_sighting){.what = ONCEGATE_IN_FLIGHT, .left_ms = record->left_ms};
        return oncegate_ok();
    case DEAD:
        known->is_own = record->id.at != NULL && oncegate_text_equal(record->id, message->id) &&
                        oncegate_text_equal(record->topic, message->topic);
        return refusal(ONCEGATE_DEAD, record->reason);
    case COMMITTED:
        break;
    }
    if (record->payload.at != NULL && !oncegate_text_equal(record->payload, message->payload)) {
        return refusal(ONCEGATE_MISMATCH, ONCEGATE_NONE);
    }
    known->sighting = (oncegate_sighting){.what = ONCEGATE_DUPLICATE, .receipt = record->receipt};
    return oncegate_ok();
}

// The same answer again, until the key's commit is staged.
static oncegate_result answer(struct invocation *invocation, const struct known *known, oncegate_sighting *sighting) {
    if (known->refusal.code != ONCEGATE_OK) return known->refusal;
    *sighting = known->sighting;
    if (known->staged) *sighting = (oncegate_sighting){.what = ONCEGATE_DUPLICATE, .receipt = known->receipt};
    if (sighting->what == ONCEGATE_NEW) {
        invocation->last_new = (int)(known - (const struct known *)invocation->known.at);
    }
    return oncegate_ok();
}

oncegate_result oncegate_host_seen(oncegate_text key, oncegate_sighting *sighting) {
    struct invocation *invocation = oncegate_testing_current;
    if (invocation == NULL) return refusal(ONCEGATE_UNAVAILABLE, OUTSIDE);
    ONCEGATE_TRY(check(invocation->host, key));
    struct known *known = find(invocation, key);
    if (known != NULL) return answer(invocation, known, sighting);
    if (invocation->known.count >= invocation->host->limits.keys) {
        invocation->too_many_keys = true;
        return beyond(ONCEGATE_TOO_MANY_KEYS, invocation->host->limits.keys);
    }
    known = oncegate_testing_add(&invocation->known, sizeof *known);
    *known = (struct known){.key = oncegate_testing_keep_text(invocation->host, key)};
    known->refusal = look(invocation, known);
    return answer(invocation, known, sighting);
}

static oncegate_result commit(oncegate_text key, oncegate_text receipt) {
    struct invocation *invocation = oncegate_testing_current;
    if (invocation == NULL) return refusal(ONCEGATE_UNAVAILABLE, OUTSIDE);
    ONCEGATE_TRY(check(invocation->host, key));
    struct known *known = find(invocation, key);
    if (known == NULL) return refusal(ONCEGATE_NOT_CLAIMED, ONCEGATE_NONE);
    size_t limit = invocation->host->limits.receipt_bytes;
    if (receipt.length > limit) return beyond(ONCEGATE_RECEIPT_TOO_LARGE, limit);
    if (known->refusal.code != ONCEGATE_OK || known->sighting.what != ONCEGATE_NEW) {
        return refusal(ONCEGATE_NOT_CLAIMED, ONCEGATE_NONE);
    }
    if (!known->staged) known->receipt = oncegate_testing_keep_text(invocation->host, receipt);
    known->staged = true;
    return oncegate_ok();
}

oncegate_result oncegate_host_commit(oncegate_text key) {
    return commit(key, ONCEGATE_NONE);
}

oncegate_result oncegate_host_commit_with(oncegate_text key, oncegate_text receipt) {
    return commit(key, receipt);
}
