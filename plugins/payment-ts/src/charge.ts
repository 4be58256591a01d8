// What goes out.

import type { Payment } from './payment.js';

/** The charge that a payment causes. */
export interface Charge extends Payment {
  /**
   * Derived from the payment's id and nothing else, so whoever computes it again gets the same, and two payments never
   * share one.
   */
  charge_id: string;
}

/** The charge of a payment. */
export function chargeOf({ payment_id, account, amount_cents, currency }: Payment): Charge {
  return { charge_id: `ch_${payment_id}`, payment_id, account, amount_cents, currency };
}
