#include "tests.h"

static void only_an_outage_is_worth_another_delivery(void) {
    for (int code = ONCEGATE_INVALID_KEY; code <= ONCEGATE_OUTPUT_TOO_LARGE; code++) {
        oncegate_result outcome = oncegate_outcome((oncegate_result){.code = (oncegate_code)code});
        assert(outcome.code == (code == ONCEGATE_UNAVAILABLE ? ONCEGATE_RETRY : ONCEGATE_REJECT));
        assert(outcome.reason.length > 0);
    }
}

static void each_refusal_has_its_text(void) {
    static const struct {
        oncegate_result result;
        const char *reason;
    } cases[] = {
        {{ONCEGATE_INVALID_KEY, 0, {"it is empty", 11}}, "invalid key: it is empty"},
        {{ONCEGATE_NOT_CLAIMED, 0, {0}}, "commit of a key that this invocation has not claimed"},
        {{ONCEGATE_MISMATCH, 0, {0}}, "the key was committed with another payload"},
        {{ONCEGATE_DEAD, 0, {"why", 3}}, "the key was given up earlier: why"},
        {{ONCEGATE_TOO_MANY_KEYS, 64, {0}}, "more than 64 keys in one invocation"},
        {{ONCEGATE_RECEIPT_TOO_LARGE, UINT32_MAX, {0}}, "receipt of more than 4294967295 bytes"},
        {{ONCEGATE_UNAVAILABLE, 0, {"down", 4}}, "store unavailable: down"},
        {{ONCEGATE_TOPIC_NOT_ALLOWED, 0, {0}}, "output refused: this handler may not write to that topic"},
        {{ONCEGATE_OUTPUT_INVALID, 0, {"the topic is empty", 18}}, "output refused: the topic is empty"},
        {{ONCEGATE_TOO_MANY_OUTPUTS, 7, {0}}, "output refused: more than 7 in one invocation"},
        {{ONCEGATE_OUTPUT_TOO_LARGE, 9, {0}}, "output refused: more than 9 bytes in one invocation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        oncegate_text reason = oncegate_outcome(cases[i].result).reason;
        assert(oncegate_text_equal(reason, oncegate_text_of(cases[i].reason)));
    }
}

static oncegate_result tries(oncegate_result result) {
    ONCEGATE_TRY(result);
    return oncegate_reject("went on");
}

static void what_fails_leaves_the_function(void) {
    assert(tries((oncegate_result){.code = ONCEGATE_MISMATCH}).code == ONCEGATE_MISMATCH);
    assert(tries(oncegate_retry("%s at %d", "later", 9)).code == ONCEGATE_RETRY);
    assert(tries(oncegate_ok()).code == ONCEGATE_REJECT);
}

static void a_number_that_is_no_code_is_a_retry(void) {
    assert(oncegate_outcome((oncegate_result){.code = (oncegate_code)99}).code == ONCEGATE_RETRY);
}

void result_tests(void) {
    only_an_outage_is_worth_another_delivery();
    each_refusal_has_its_text();
    what_fails_leaves_the_function();
    a_number_that_is_no_code_is_a_retry();
}
