#include <inttypes.h>

#include "gate.h"
#include "host.h"
#include "text.h"

// The contract's strings are UTF-8, so no other key can even be asked for.
static oncegate_result check(oncegate_text key) {
    if (oncegate_text_is_utf8(key)) return oncegate_ok();
    return (oncegate_result){.code = ONCEGATE_INVALID_KEY, .reason = ONCEGATE_TEXT("it is not UTF-8")};
}

oncegate_result oncegate_in_flight(uint64_t left_ms) {
    return oncegate_retry("key in flight elsewhere, for at most %" PRIu64 " ms more", left_ms);
}

oncegate_result oncegate_seen(oncegate_text key, oncegate_sighting *sighting) {
    ONCEGATE_TRY(check(key));
    return oncegate_host_seen(key, sighting);
}

oncegate_result oncegate_commit(oncegate_text key) {
    ONCEGATE_TRY(check(key));
    return oncegate_host_commit(key);
}

oncegate_result oncegate_commit_with(oncegate_text key, oncegate_text receipt) {
    ONCEGATE_TRY(check(key));
    if (receipt.at == NULL) return oncegate_host_commit(key);
    return oncegate_host_commit_with(key, receipt);
}

oncegate_result oncegate_once(oncegate_text key, oncegate_work *work, void *context, oncegate_passage *passage) {
    oncegate_sighting sighting;
    ONCEGATE_TRY(oncegate_seen(key, &sighting));
    oncegate_passage passed = {.first = sighting.what == ONCEGATE_NEW, .receipt = sighting.receipt};
    if (sighting.what == ONCEGATE_IN_FLIGHT) return oncegate_in_flight(sighting.left_ms);
    if (passed.first) {
        ONCEGATE_TRY(work(context, &passed.receipt));
        ONCEGATE_TRY(oncegate_commit_with(key, passed.receipt));
    }
    if (passage != NULL) *passage = passed;
    return oncegate_ok();
}
