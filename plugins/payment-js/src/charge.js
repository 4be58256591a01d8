// What goes out.

/** @import { Payment } from './payment.js' */

/**
 * The charge of a payment. Its id is derived from the payment's and from nothing else, so whoever computes it again
 * gets the same, and two payments never share one.
 *
 * @param {Payment} payment
 */
export function chargeOf({ payment_id, account, amount_cents, currency }) {
  return { charge_id: `ch_${payment_id}`, payment_id, account, amount_cents, currency };
}
