import assert from 'node:assert/strict';
import { test } from 'node:test';
import { structuredClone } from '../src/clone.js';

test('a copy is deep, and of the same kind', () => {
  const value = {
    list: [1, , 'x'],
    map: new Map([[{ k: 1 }, new Set([1n])]]),
    date: new Date(5),
    expression: /a/gi,
    bytes: new Uint8Array([1, 2, 3, 4]).subarray(1, 3),
    view: new DataView(new ArrayBuffer(4), 1, 2),
    boxed: Object('s'),
    nothing: null,
  };
  value.self = value;
  const copy = structuredClone(value);
  const { view, ...rest } = copy;
  const { view: viewed, ...wanted } = globalThis.structuredClone(value);
  assert.deepEqual(rest.list, wanted.list);
  assert.deepEqual([...rest.map], [...wanted.map]);
  assert.deepEqual(
    [rest.date, rest.expression, rest.bytes, rest.boxed],
    [wanted.date, wanted.expression, wanted.bytes, wanted.boxed],
  );
  assert.deepEqual([view.byteOffset, view.byteLength], [viewed.byteOffset, viewed.byteLength]);
  assert.equal(rest.self, copy);
  assert.notEqual(rest.list, value.list);
});

test('an error keeps its class and its place', () => {
  const error = new RangeError('r');
  const copy = structuredClone(error);
  assert.ok(copy instanceof RangeError);
  assert.deepEqual([copy.message, copy.stack], [error.message, error.stack]);
});

test('functions are refused', () => {
  assert.throws(() => structuredClone({ f() {} }), TypeError);
});
