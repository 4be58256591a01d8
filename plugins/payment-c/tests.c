#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "oncegate_testing.h"
#include "payment.h"

#define PAYMENT "{\"payment_id\":\"p-1\",\"account\":\"a-9\",\"amount_cents\":1250,\"currency\":\"EUR\"}"
#define CHARGE                                                                                                         \
    "{\"charge_id\":\"ch_p-1\",\"payment_id\":\"p-1\",\"account\":\"a-9\",\"amount_cents\":1250,\"currency\":\"EUR\"}"

static bool contains(oncegate_text text, const char *part) {
    size_t length = strlen(part);
    for (size_t i = 0; i + length <= text.length; i++) {
        if (memcmp(text.at + i, part, length) == 0) return true;
    }
    return false;
}

static void a_payment_is_charged_once_however_often_it_is_delivered(void) {
    oncegate_testing *host = oncegate_testing_new();
    oncegate_message message = oncegate_testing_message(ONCEGATE_TEXT(PAYMENT));
    assert(oncegate_testing_deliver(host, oncegate_handle, &message).end == ONCEGATE_APPLIED);
    assert(oncegate_testing_deliver(host, oncegate_handle, &message).end == ONCEGATE_APPLIED);
    message.id = ONCEGATE_TEXT("another delivery");
    assert(oncegate_testing_deliver(host, oncegate_handle, &message).end == ONCEGATE_APPLIED);
    oncegate_outputs charges = oncegate_testing_outputs(host);
    assert(charges.count == 1);
    assert(oncegate_text_equal(charges.at[0].topic, ONCEGATE_TEXT("charges")));
    assert(oncegate_text_equal(charges.at[0].key, ONCEGATE_TEXT("p-1")));
    assert(oncegate_text_equal(charges.at[0].payload, ONCEGATE_TEXT(CHARGE)));
    oncegate_text receipt = oncegate_testing_receipt(host, ONCEGATE_TEXT("p-1"));
    assert(oncegate_text_equal(receipt, ONCEGATE_TEXT("ch_p-1")));
    oncegate_testing_free(host);
}

static void another_payment_under_the_same_id_is_no_duplicate(void) {
    oncegate_testing *host = oncegate_testing_new();
    oncegate_message message = oncegate_testing_message(ONCEGATE_TEXT(PAYMENT));
    assert(oncegate_testing_deliver(host, oncegate_handle, &message).end == ONCEGATE_APPLIED);
    message.payload = ONCEGATE_TEXT("{\"payment_id\":\"p-1\",\"account\":\"b\",\"amount_cents\":1,\"currency\":\"EUR\"}");
    assert(oncegate_testing_deliver(host, oncegate_handle, &message).end == ONCEGATE_MISMATCHED);
    assert(oncegate_testing_outputs(host).count == 1);
    oncegate_testing_free(host);
}

static void unknown_members_are_ignored_and_escapes_are_read(void) {
    oncegate_message message = oncegate_testing_message(ONCEGATE_TEXT(
        " {\"note\":{\"a\":[1]},\"payment_id\":\"p\\u0031\",\"account\":\"\xc3\xbc\",\"currency\":\"usd\","
        "\"amount_cents\":18446744073709551615}"));
    struct payment payment;
    assert(payment_of(&message, &payment).code == ONCEGATE_OK);
    assert(oncegate_text_equal(payment.payment_id, ONCEGATE_TEXT("p1")));
    assert(oncegate_text_equal(payment.account, ONCEGATE_TEXT("\xc3\xbc")));
    assert(oncegate_text_equal(payment.currency, ONCEGATE_TEXT("usd")));
    assert(payment.amount_cents == UINT64_MAX);
}

static void each_wrong_payload_is_rejected_with_its_reason_before_any_key_is_named(void) {
    static const struct {
        const char *payload;
        const char *reason;
    } cases[] = {
        {"", "payload: not a JSON object"},
        {"[]", "payload: not a JSON object"},
        {"[\"p\",\"a\",5,\"EUR\"]", "payload: not a JSON object"},
        {"{\"payment_id\":\"p\"", "EOF"},
        {"{} {}", "trailing"},
        {"{}", "missing field `payment_id`"},
        {"{\"payment_id\":\"p\",\"account\":\"a\",\"currency\":\"EUR\"}", "missing field `amount_cents`"},
        {"{\"payment_id\":7,\"account\":\"a\",\"amount_cents\":5,\"currency\":\"EUR\"}", "expected a string"},
        {"{\"payment_id\":null,\"account\":\"a\",\"amount_cents\":5,\"currency\":\"EUR\"}", "expected a string"},
        {"{\"payment_id\":\"p\",\"payment_id\":\"q\"}", "duplicate field `payment_id`"},
        {"{\"payment_id\":\"p\",\"\\u0070ayment_id\":\"q\"}", "duplicate field `payment_id`"},
        {PAYMENT " x", "trailing"},
        {"{\"payment_id\":\"p\",\"account\":\"a\",\"amount_cents\":\"5\",\"currency\":\"EUR\"}", "expected u64"},
        {"{\"payment_id\":\"p\",\"account\":\"a\",\"amount_cents\":5.0,\"currency\":\"EUR\"}", "expected u64"},
        {"{\"payment_id\":\"p\",\"account\":\"a\",\"amount_cents\":5e0,\"currency\":\"EUR\"}", "expected u64"},
        {"{\"payment_id\":\"p\",\"account\":\"a\",\"amount_cents\":-5,\"currency\":\"EUR\"}", "expected u64"},
        {"{\"payment_id\":\"p\",\"account\":\"a\",\"amount_cents\":18446744073709551616,\"currency\":\"EUR\"}",
         "expected u64"},
        {"{\"payment_id\":\"p\",\"account\":\"a\",\"amount_cents\":0,\"currency\":\"EUR\"}", "amount_cents is zero"},
        {"{\"payment_id\":\"\",\"account\":\"a\",\"amount_cents\":5,\"currency\":\"EUR\"}", "payment_id is empty"},
        {"{\"payment_id\":\"p\",\"account\":\"\",\"amount_cents\":5,\"currency\":\"EUR\"}", "account is empty"},
        {"{\"payment_id\":\"p\",\"account\":\"a\",\"amount_cents\":5,\"currency\":\"EURO\"}", "three letters"},
        {"{\"payment_id\":\"p\",\"account\":\"a\",\"amount_cents\":5,\"currency\":\"\xe2\x82\xac\"}", "three letters"},
    };
    oncegate_testing *host = oncegate_testing_new();
    oncegate_testing_set_store_down(host, true);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        oncegate_message message = oncegate_testing_message(oncegate_text_of(cases[i].payload));
        oncegate_delivery delivery = oncegate_testing_deliver(host, oncegate_handle, &message);
        if (delivery.end == ONCEGATE_REJECTED && contains(delivery.reason, cases[i].reason)) continue;
        printf("%s: %.*s\n", cases[i].payload, ONCEGATE_SHOW(delivery.reason));
        assert(!"rejected with its reason");
    }
    oncegate_testing_free(host);
}

int main(void) {
    a_payment_is_charged_once_however_often_it_is_delivered();
    another_payment_under_the_same_id_is_no_duplicate();
    unknown_members_are_ignored_and_escapes_are_read();
    each_wrong_payload_is_rejected_with_its_reason_before_any_key_is_named();
    puts("4 tests passed");
    return 0;
}
