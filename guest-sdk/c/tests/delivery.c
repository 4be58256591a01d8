// What only C has, or only this host: the rules themselves are in the conformance cases.
#include <string.h>

#include "tests.h"

static oncegate_delivery deliver(oncegate_testing *host, oncegate_handler *handler, const char *payload) {
    oncegate_message message = oncegate_testing_message(oncegate_text_of(payload));
    return oncegate_testing_deliver(host, handler, &message);
}

static oncegate_result charge(void *context, oncegate_text *receipt) {
    const oncegate_text *key = context;
    *receipt = oncegate_text_join(ONCEGATE_TEXT("ch_"), *key);
    return oncegate_emit((oncegate_output){.topic = ONCEGATE_TEXT("charges"), .payload = *key});
}

static oncegate_result charges(const oncegate_message *message) {
    oncegate_text key;
    oncegate_json json;
    oncegate_passage passage;
    ONCEGATE_TRY(oncegate_message_json(message, &json));
    ONCEGATE_TRY(oncegate_json_text(json, &key));
    ONCEGATE_TRY(oncegate_once(key, charge, &key, &passage));
    if (oncegate_text_equal(passage.receipt, oncegate_text_join(ONCEGATE_TEXT("ch_"), key))) return oncegate_ok();
    return oncegate_reject("another receipt");
}

static void work_is_done_once_and_every_delivery_gets_the_receipt(void) {
    oncegate_testing *host = oncegate_testing_new();
    for (int i = 0; i < 3; i++) assert(deliver(host, charges, "\"p1\"").end == ONCEGATE_APPLIED);
    assert(oncegate_testing_outputs(host).count == 1);
    assert(oncegate_testing_is_committed(host, ONCEGATE_TEXT("p1")));
    assert(oncegate_text_equal(oncegate_testing_receipt(host, ONCEGATE_TEXT("p1")), ONCEGATE_TEXT("ch_p1")));
    oncegate_testing_free(host);
}

static oncegate_result panics(const oncegate_message *message) {
    char name[8];
    memset(name, 'n', sizeof name);
    oncegate_sighting sighting;
    ONCEGATE_TRY(oncegate_seen(message->payload, &sighting));
    ONCEGATE_TRY(oncegate_commit(message->payload));
    // The text lies in this frame, which is gone afterwards.
    oncegate_panic("%.*s is %d", (int)sizeof name, name, 5);
}

static void a_panic_ends_the_handler_as_a_retry_with_its_text(void) {
    oncegate_testing *host = oncegate_testing_new();
    oncegate_delivery delivery = deliver(host, panics, "k");
    assert(delivery.end == ONCEGATE_RETRIED);
    assert(oncegate_text_equal(delivery.reason, ONCEGATE_TEXT("nnnnnnnn is 5")));
    assert(!oncegate_testing_is_committed(host, ONCEGATE_TEXT("k")));
    oncegate_log_lines log = oncegate_testing_log(host);
    assert(log.count == 1 && log.at[0].level == ONCEGATE_ERROR);
    assert(memcmp(log.at[0].text.at, "panic at ", 9) == 0);
    assert(deliver(host, charges, "\"k\"").end == ONCEGATE_APPLIED);
    oncegate_testing_free(host);
}

static oncegate_result panics_at_length(const oncegate_message *message) {
    oncegate_panic("%3000d%.*s", 1, ONCEGATE_SHOW(message->payload));
}

static oncegate_result wants_too_much(const oncegate_message *message) {
    (void)message;
    oncegate_allocate(SIZE_MAX / 2);
    return oncegate_ok();
}

static void a_panic_may_be_long_or_about_memory(void) {
    oncegate_testing *host = oncegate_testing_new();
    assert(deliver(host, panics_at_length, "end\xff").reason.length == 3000 + 3 + 3);
    oncegate_text reason = deliver(host, wants_too_much, "").reason;
    assert(memcmp(reason.at, "out of memory: ", 15) == 0);
    oncegate_testing_free(host);
}

static oncegate_result rejects(const oncegate_message *message) {
    oncegate_sighting sighting;
    ONCEGATE_TRY(oncegate_seen(ONCEGATE_TEXT("k"), &sighting));
    ONCEGATE_TRY(oncegate_commit(ONCEGATE_TEXT("k")));
    return oncegate_reject_text(message->payload);
}

static oncegate_result emits(const oncegate_message *message) {
    oncegate_sighting sighting;
    ONCEGATE_TRY(oncegate_seen(message->payload, &sighting));
    return oncegate_emit((oncegate_output){.topic = ONCEGATE_TEXT("t")});
}

static void what_a_dead_delivery_claimed_is_dead(void) {
    oncegate_testing *host = oncegate_testing_new();
    // The reason is kept behind a zero byte, too.
    oncegate_message message = oncegate_testing_message(ONCEGATE_TEXT("n\0o"));
    assert(oncegate_testing_deliver(host, rejects, &message).end == ONCEGATE_REJECTED);
    assert(!oncegate_testing_is_committed(host, ONCEGATE_TEXT("k")));
    oncegate_text why = ONCEGATE_TEXT("the key was given up earlier: rejected: n\0o");
    const oncegate_text ids[] = {message.id, ONCEGATE_TEXT("another")};
    for (size_t i = 0; i < 2; i++) {
        message.id = ids[i];
        oncegate_delivery delivery = oncegate_testing_deliver(host, rejects, &message);
        assert(delivery.end == ONCEGATE_KEY_DEAD && oncegate_text_equal(delivery.reason, why));
    }
    oncegate_delivery delivery = deliver(host, emits, "e");
    assert(delivery.end == ONCEGATE_EFFECT_WITHOUT_COMMIT);
    why = oncegate_text_of("the key was given up earlier: effect without commit: "
                           "output 1 to topic t: its key was not committed");
    assert(oncegate_text_equal(deliver(host, emits, "e").reason, why));
    oncegate_testing_free(host);
}

// Each name that is not UTF-8 is refused before a host sees it.
static oncegate_result names_no_utf8(const oncegate_message *message) {
    oncegate_text bad = ONCEGATE_TEXT("\xff"), good = ONCEGATE_TEXT("good");
    oncegate_sighting sighting;
    oncegate_header header = {.name = bad, .value = bad};
    assert(oncegate_seen(bad, &sighting).code == ONCEGATE_INVALID_KEY);
    assert(oncegate_commit(bad).code == ONCEGATE_INVALID_KEY);
    assert(oncegate_commit_with(bad, bad).code == ONCEGATE_INVALID_KEY);
    assert(oncegate_emit((oncegate_output){.topic = bad}).code == ONCEGATE_OUTPUT_INVALID);
    assert(oncegate_emit((oncegate_output){.topic = good, .key = bad}).code == ONCEGATE_OUTPUT_INVALID);
    oncegate_output output = {.topic = good, .headers = &header, .header_count = 1};
    assert(oncegate_emit(output).code == ONCEGATE_OUTPUT_INVALID);
    header.name = good;
    assert(oncegate_emit(output).code == ONCEGATE_OK);
    assert(oncegate_config(bad).at == NULL);
    oncegate_log(ONCEGATE_INFO, "%s", "\xff");
    return oncegate_reject_text(message->payload);
}

static void only_utf8_reaches_the_host(void) {
    oncegate_testing *host = oncegate_testing_new();
    oncegate_delivery delivery = deliver(host, names_no_utf8, "\xff");
    assert(delivery.end == ONCEGATE_REJECTED);
    assert(oncegate_text_equal(delivery.reason, ONCEGATE_TEXT("\xef\xbf\xbd")));
    assert(oncegate_text_equal(oncegate_testing_log(host).at[0].text, ONCEGATE_TEXT("\xef\xbf\xbd")));
    oncegate_testing_free(host);
}

static oncegate_result finds_headers(const oncegate_message *message) {
    assert(oncegate_text_equal(oncegate_message_header(message, "trace"), ONCEGATE_TEXT("1")));
    assert(oncegate_message_header(message, "empty").at != NULL);
    assert(oncegate_message_header(message, "Trace").at == NULL);
    return oncegate_ok();
}

static void the_first_header_of_a_name_is_found(void) {
    const oncegate_header headers[] = {
        {ONCEGATE_TEXT("trace"), ONCEGATE_TEXT("1")},
        {ONCEGATE_TEXT("trace"), ONCEGATE_TEXT("2")},
        {ONCEGATE_TEXT("empty"), ONCEGATE_TEXT("")},
    };
    oncegate_testing *host = oncegate_testing_new();
    oncegate_message message = oncegate_testing_message(ONCEGATE_TEXT(""));
    message.headers = headers;
    message.header_count = 3;
    assert(oncegate_testing_deliver(host, finds_headers, &message).end == ONCEGATE_APPLIED);
    oncegate_testing_free(host);
}

static void outside_of_a_delivery_nothing_happens(void) {
    oncegate_sighting sighting;
    assert(oncegate_seen(ONCEGATE_TEXT("k"), &sighting).code == ONCEGATE_UNAVAILABLE);
    assert(oncegate_commit(ONCEGATE_TEXT("k")).code == ONCEGATE_UNAVAILABLE);
    assert(oncegate_emit((oncegate_output){.topic = ONCEGATE_TEXT("t")}).code == ONCEGATE_OUTPUT_INVALID);
    assert(oncegate_config(ONCEGATE_TEXT("c")).at == NULL);
    oncegate_log(ONCEGATE_INFO, "nobody reads this");
}

void delivery_tests(void) {
    work_is_done_once_and_every_delivery_gets_the_receipt();
    a_panic_ends_the_handler_as_a_retry_with_its_text();
    a_panic_may_be_long_or_about_memory();
    what_a_dead_delivery_claimed_is_dead();
    only_utf8_reaches_the_host();
    the_first_header_of_a_name_is_found();
    outside_of_a_delivery_nothing_happens();
}
