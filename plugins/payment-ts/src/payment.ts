// What comes in.

import { type Json, type Message, reject } from '@oncegate/sdk';

/**
 * A payment event. Its members must be there and of the right type; others are ignored, so that a producer may add
 * some.
 */
export interface Payment {
  /** The payment's own id, the same in every delivery of it; not empty. */
  payment_id: string;
  /** Who pays; not empty. */
  account: string;
  /** How much, in hundredths of the currency: a whole number above zero. A refund is another event. */
  amount_cents: number | bigint;
  /** Three letters (ISO 4217), passed on as they are. */
  currency: string;
}

type Members = { [name: string]: Json };

const MOST_CENTS = 2n ** 64n - 1n;

/** Reads the payment from a message's payload, or rejects the delivery with the reason. */
export function paymentOf(message: Message): Payment {
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

function text(payload: Members, name: keyof Payment): string {
  const value = member(payload, name);
  if (typeof value !== 'string' || !value.isWellFormed()) reject(`payload: ${name} is not a text`);
  return value;
}

function cents(payload: Members, name: keyof Payment): number | bigint {
  const value = member(payload, name);
  const fault = `payload: ${name} is not a whole number from 1 to ${MOST_CENTS}`;
  if (typeof value !== 'number' && typeof value !== 'bigint') reject(fault);
  const whole = typeof value === 'bigint' ? value <= MOST_CENTS : Number.isSafeInteger(value);
  if (!whole || value < 0) reject(fault);
  if (value === 0) reject(`${name} is zero`);
  return value;
}

function member(payload: Members, name: keyof Payment): Json {
  const value = Object.hasOwn(payload, name) ? payload[name] : undefined;
  return value === undefined ? reject(`payload: missing field \`${name}\``) : value;
}
