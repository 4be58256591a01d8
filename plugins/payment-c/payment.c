#include "payment.h"

#include <string.h>

static bool is_letter(char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static bool is_currency(oncegate_text text) {
    return text.length == 3 && is_letter(text.at[0]) && is_letter(text.at[1]) && is_letter(text.at[2]);
}

// What is wrong with the values, if anything is.
static const char *fault_of(const struct payment *payment) {
    if (payment->payment_id.length == 0) return "payment_id is empty";
    if (payment->account.length == 0) return "account is empty";
    if (payment->amount_cents == 0) return "amount_cents is zero";
    if (!is_currency(payment->currency)) return "currency is not three letters";
    return NULL;
}

// What is no object at all is told so, whatever else is wrong with it.
static bool is_object(oncegate_text payload) {
    size_t i = 0;
    while (i < payload.length && strchr(" \n\r\t", payload.at[i]) != NULL && payload.at[i] != '\0') i++;
    return i < payload.length && payload.at[i] == '{';
}

oncegate_result payment_of(const oncegate_message *message, struct payment *payment) {
    if (!is_object(message->payload)) return oncegate_reject("payload: not a JSON object");
    oncegate_json json;
    ONCEGATE_TRY(oncegate_message_json(message, &json));
    ONCEGATE_TRY(oncegate_json_member_text(json, "payment_id", &payment->payment_id));
    ONCEGATE_TRY(oncegate_json_member_text(json, "account", &payment->account));
    ONCEGATE_TRY(oncegate_json_member_u64(json, "amount_cents", &payment->amount_cents));
    ONCEGATE_TRY(oncegate_json_member_text(json, "currency", &payment->currency));
    const char *fault = fault_of(payment);
    return fault == NULL ? oncegate_ok() : oncegate_reject("%s", fault);
}
