import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cryptoOf, generatorOf } from '../src/random.js';

const counted = () => {
  let calls = 0;
  return (length) => Uint8Array.from({ length }, (_, index) => (calls++ * 31 + index * 7) & 0xff);
};

test('numbers lie between 0 and 1, evenly, and follow from the seed', () => {
  const { random, forget } = generatorOf(counted());
  const drawn = Array.from({ length: 20_000 }, random);
  assert.ok(drawn.every((number) => number >= 0 && number < 1));
  const counts = Array(10).fill(0);
  for (const number of drawn) counts[Math.floor(number * 10)] += 1;
  assert.ok(
    counts.every((count) => count > 1800 && count < 2200),
    String(counts),
  );
  assert.equal(new Set(drawn).size, drawn.length);
  assert.deepEqual(Array.from({ length: 100 }, generatorOf(counted()).random), drawn.slice(0, 100));
  forget();
  assert.notEqual(random(), drawn[0]);
});

test('a seed of zeros draws as well', () => {
  const { random } = generatorOf((length) => new Uint8Array(length));
  assert.equal(new Set(Array.from({ length: 1000 }, random)).size, 1000);
});

test('crypto fills views and makes ids', () => {
  const crypto = cryptoOf(counted());
  const view = crypto.getRandomValues(new Uint32Array(4).subarray(1, 3));
  assert.ok(view.every((number) => number !== 0));
  assert.match(crypto.randomUUID(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.throws(() => crypto.getRandomValues(new Uint8Array(65_537)), RangeError);
});
