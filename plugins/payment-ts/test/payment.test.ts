import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Host, message } from '@oncegate/sdk/testing';
import { type Payment, paymentOf } from '../src/payment.js';

/** What is read from a payload, or why it is rejected. */
function read(payload: string): Payment | string | undefined {
  let payment: Payment | undefined;
  const { end, reason } = new Host().deliver((delivered) => {
    payment = paymentOf(delivered);
  }, message(payload));
  assert.ok(end === 'applied' || end === 'reject', `${payload}: ${end} ${reason}`);
  return payment ?? reason;
}

test('unknown members are ignored and escapes are read', () => {
  const payload =
    ' {"note":{"a":[1]},"payment_id":"p\\u0031","account":"ü","currency":"usd","amount_cents":18446744073709551615}';
  assert.deepEqual(read(payload), {
    payment_id: 'p1',
    account: 'ü',
    amount_cents: 18446744073709551615n,
    currency: 'usd',
  });
});

const CASES: [payload: string, reason: string][] = [
  ['', 'payload: '],
  ['["p","a",5,"EUR"]', 'not a JSON object'],
  ['null', 'not a JSON object'],
  ['{"payment_id":"p"', 'payload: '],
  ['{} {}', 'payload: '],
  ['{}', 'missing field `payment_id`'],
  ['{"payment_id":"p","account":"a","currency":"EUR"}', 'missing field `amount_cents`'],
  ['{"payment_id":7,"account":"a","amount_cents":5,"currency":"EUR"}', 'payment_id is not a text'],
  ['{"payment_id":null,"account":"a","amount_cents":5,"currency":"EUR"}', 'payment_id is not a text'],
  ['{"payment_id":"p","account":"\\ud800","amount_cents":5,"currency":"EUR"}', 'account is not a text'],
  ['{"payment_id":"p","account":"a","amount_cents":5,"currency":"EUR"} x', 'payload: '],
  ['{"payment_id":"p","account":"a","amount_cents":"5","currency":"EUR"}', 'not a whole number'],
  ['{"payment_id":"p","account":"a","amount_cents":5.5,"currency":"EUR"}', 'not a whole number'],
  ['{"payment_id":"p","account":"a","amount_cents":-5,"currency":"EUR"}', 'not a whole number'],
  ['{"payment_id":"p","account":"a","amount_cents":18446744073709551616,"currency":"EUR"}', 'not a whole number'],
  ['{"payment_id":"p","account":"a","amount_cents":1e19,"currency":"EUR"}', 'not a whole number'],
  ['{"payment_id":"p","account":"a","amount_cents":0,"currency":"EUR"}', 'amount_cents is zero'],
  ['{"payment_id":"","account":"a","amount_cents":5,"currency":"EUR"}', 'payment_id is empty'],
  ['{"payment_id":"p","account":"","amount_cents":5,"currency":"EUR"}', 'account is empty'],
  ['{"payment_id":"p","account":"a","amount_cents":5,"currency":"EURO"}', 'three letters'],
  ['{"payment_id":"p","account":"a","amount_cents":5,"currency":"€"}', 'three letters'],
  ['{"payment_id":"p","account":"a","amount_cents":5,"currency":"EUR\\n"}', 'three letters'],
];

for (const [payload, expected] of CASES) {
  test(`rejected with its reason: ${payload}`, () => {
    const reason = read(payload);
    assert.ok(typeof reason === 'string' && reason.includes(expected), JSON.stringify(reason));
  });
}
