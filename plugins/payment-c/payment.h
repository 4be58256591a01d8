// What comes in.
#ifndef PAYMENT_H
#define PAYMENT_H

#include "oncegate.h"

// A payment event. Its members must be there, once each, and of the right type; others are ignored, so that a producer
// may add some.
struct payment {
    // The payment's own id, the same in every delivery of it; not empty.
    oncegate_text payment_id;
    // Who pays; not empty.
    oncegate_text account;
    // How much, in hundredths of the currency: a whole number above zero. A refund is another event.
    uint64_t amount_cents;
    // Three letters (ISO 4217), passed on as they are.
    oncegate_text currency;
};

// Reads the payment from a message's payload, or rejects the delivery with the reason.
oncegate_result payment_of(const oncegate_message *message, struct payment *payment) ONCEGATE_MUST_USE;

#endif
