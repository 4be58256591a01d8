import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Host, message, text } from '@oncegate/sdk/testing';
import { handle } from '../src/handler.js';

test('an order is one parcel, however often it is delivered', () => {
  const host = new Host();
  for (const id of ['first', 'again']) {
    const delivery = host.deliver(handle, message({ order_id: 'o-1', item: 'lamp' }, { id }));
    assert.equal(delivery.end, 'applied', delivery.reason);
  }
  assert.deepEqual(
    host.outputs.map((output) => output.json()),
    ['lamp'],
  );
  assert.equal(text(host.receipt('o-1')), 'parcel-o-1');
});
