// What goes out.
#ifndef CHARGE_H
#define CHARGE_H

#include "payment.h"

// The charge's id. Derived from the payment's id and nothing else, so whoever computes it again gets the same, and two
// payments never share one.
oncegate_text charge_id_of(const struct payment *payment);

// Emits the charge that a payment causes.
oncegate_result charge_emit(const struct payment *payment, oncegate_text charge_id) ONCEGATE_MUST_USE;

#endif
