import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Host, message, text } from '@oncegate/sdk/testing';
import { handle } from '../src/handler.js';

const PAYMENT = '{"payment_id":"p-1","account":"a-9","amount_cents":1250,"currency":"EUR"}';

test('a payment is charged once, however often it is delivered', () => {
  const host = new Host();
  for (const delivery of [message(PAYMENT), message(PAYMENT), message(PAYMENT, { id: 'another delivery' })]) {
    assert.equal(host.deliver(handle, delivery).end, 'applied');
  }
  const [charge, ...others] = host.outputs;
  assert.equal(others.length, 0);
  assert.deepEqual([charge?.topic, charge?.key], ['charges', 'p-1']);
  assert.equal(
    charge?.text(),
    '{"charge_id":"ch_p-1","payment_id":"p-1","account":"a-9","amount_cents":1250,"currency":"EUR"}',
  );
  assert.equal(text(host.receipt('p-1')), 'ch_p-1');
});

test('what is no payment is rejected before any key is named', () => {
  const host = new Host();
  const { end, reason } = host.deliver(handle, message('[]'));
  assert.deepEqual([end, reason], ['reject', 'payload: not a JSON object']);
  assert.equal(host.outputs.length, 0);
});

test('the largest amount goes out as it came in', () => {
  const host = new Host();
  host.deliver(handle, message(PAYMENT.replace('1250', '18446744073709551615')));
  assert.match(host.outputs[0]?.text() ?? '', /"amount_cents":18446744073709551615,/);
});
