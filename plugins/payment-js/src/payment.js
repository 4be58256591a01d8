// What comes in.

import { reject } from '@oncegate/sdk';

/** @import { Message } from '@oncegate/sdk' */

/**
 * A payment event. Its members must be there and of the right type; others are ignored, so that a producer may add
 * some.
 *
 * @typedef {object} Payment
 * @property {string} payment_id the payment's own id, the same in every delivery of it; not empty
 * @property {string} account who pays; not empty
 * @property {number | bigint} amount_cents how much, in hundredths of the currency: a whole number above zero. A refund
 *   is another event
 * @property {string} currency three letters (ISO 4217), passed on as they are
 */

const MOST_CENTS = 2n ** 64n - 1n;

/**
 * Reads the payment from a message's payload, or rejects the delivery with the reason.
 *
 * @param {Message} message
 * @returns {Payment}
 */
export function paymentOf(message) {
  const payload = message.json();
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) reject('payload: not a JSON object');
  const payment_id = text(payload, 'payment_id');
  const account = text(payload, 'account');
  const amount_cents = cents(payload, 'amount_cents');
  const currency = text(payload, 'currency');
  if (payment_id === '') reject('payment_id is empty');
  if (account === '') reject('account is empty');
  if (!/^[A-Za-z]{3}$/.test(currency)) reject('currency is not three letters');
  return { payment_id, account, amount_cents, currency };
}

function text(payload, name) {
  const value = member(payload, name);
  if (typeof value !== 'string' || !value.isWellFormed()) reject(`payload: ${name} is not a text`);
  return value;
}

function cents(payload, name) {
  const value = member(payload, name);
  const whole =
    typeof value === 'bigint' ? value >= 0n && value <= MOST_CENTS : Number.isSafeInteger(value) && value >= 0;
  if (!whole) reject(`payload: ${name} is not a whole number from 1 to ${MOST_CENTS}`);
  if (value === 0) reject(`${name} is zero`);
  return value;
}

function member(payload, name) {
  if (!Object.hasOwn(payload, name)) reject(`payload: missing field \`${name}\``);
  return payload[name];
}
