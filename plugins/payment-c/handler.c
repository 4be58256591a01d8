// The worked example: each payment is charged once, however often it is delivered.
#include "charge.h"

static oncegate_result charge(void *context, oncegate_text *receipt) {
    const struct payment *payment = context;
    *receipt = charge_id_of(payment);
    return charge_emit(payment, *receipt);
}

// The key is the payment's own id: the message id changes when a producer sends the payment again.
oncegate_result oncegate_handle(const oncegate_message *message) {
    struct payment payment;
    ONCEGATE_TRY(payment_of(message, &payment));
    return oncegate_once(payment.payment_id, charge, &payment, NULL);
}
