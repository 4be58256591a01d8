// Every case, on the SDK's own host.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Host, message } from '@oncegate/sdk/testing';
import { bytes, text } from '../src/bytes.js';
import { handle } from '../src/handler.js';

const folder = new URL('../../../../tests/conformance/', import.meta.url);
const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());

for (const { name } of names) {
  const given = JSON.parse(readFileSync(new URL(`${name}/case.json`, folder), 'utf8'));
  const skip = given.host_only === true || (given.languages && !given.languages.includes('js'));
  if (skip) continue;
  test(`${name}: ${given.what}`, () => {
    const host = hostOf(given);
    given.deliveries.forEach((delivery, index) => {
      const before = host.outputs.length;
      const ended = host.deliver(handle, messageOf(delivery));
      const applied = host.outputs.slice(before);
      check(delivery.expect, ended, applied, `delivery ${index}: ${JSON.stringify(delivery).slice(0, 500)}`);
    });
  });
}

function hostOf({ config, limits, topics, outputs = 'free', before = [] }) {
  const host = new Host({ config, limits, outputs, topics: topics && [...topics, 'results'] });
  for (const known of before) plant(host, known);
  return host;
}

function plant(host, known) {
  if (known.store === 'down') return host.storeDown();
  const key = text(known.key);
  if (known.in_flight !== undefined) return host.inFlight(key, known.in_flight);
  if (known.dead !== undefined) return host.dead(key, known.dead);
  const { receipt, payload } = known.committed;
  return host.committed(key, {
    receipt: receipt === null ? undefined : bytes(receipt),
    payload: payload === undefined ? undefined : bytes(payload),
  });
}

function messageOf({ message: given = {}, steps, payload }) {
  return message(steps === undefined ? bytes(payload) : JSON.stringify(steps), {
    id: given.id ?? 'm:0',
    topic: given.topic ?? 'in',
    key: given.key ?? undefined,
    headers: (given.headers ?? []).map(([name, value]) => [name, bytes(value)]),
    attempt: given.attempt,
    publishedMs: given.published_ms === undefined ? undefined : BigInt(given.published_ms),
  });
}

function check(expected, ended, applied, what) {
  assert.equal(ended.end, expected.end, `${what}\n${ended.reason}`);
  if (expected.reason !== undefined) assert.equal(ended.reason, mine(expected.reason), what);
  if (expected.reason_contains !== undefined) {
    const part = mine(expected.reason_contains);
    assert.ok(ended.reason.includes(part), `${what}\n${ended.reason} lacks ${part}`);
  }
  if (expected.results !== undefined) {
    const emitted = ended.staged.filter(({ topic }) => topic === 'results').map((output) => output.json());
    assert.deepEqual(emitted, [expected.results], what);
  }
  if (expected.outputs !== undefined) {
    const others = applied.filter(({ topic }) => topic !== 'results').map(plain);
    assert.deepEqual(others, expected.outputs.map(wanted), what);
  }
  if (expected.log !== undefined) checkLog(expected.log, ended.log, what);
}

/** The text for this language. */
function mine(given) {
  return typeof given === 'string' ? given : (given.js ?? given['*']);
}

function plain({ topic, key, headers, payload }) {
  return {
    topic,
    key: key ?? null,
    headers: headers.map(({ name, value }) => [name, hex(value)]),
    payload: hex(payload),
  };
}

function wanted({ topic, key = null, headers = [], payload }) {
  const named = headers.map(([name, value]) => [text(name), hex(bytes(value))]);
  return { topic: text(topic), key: key === null ? null : text(key), headers: named, payload: hex(bytes(payload)) };
}

const hex = (given) => Buffer.from(given).toString('hex');

/** Each pair is a part of a line, in order. */
function checkLog(expected, lines, what) {
  let from = 0;
  for (const [level, part] of expected) {
    const at = lines.findIndex((line, index) => index >= from && line[0] === level && line[1].includes(text(part)));
    assert.ok(at >= 0, `${what}\nno line ${level} ${JSON.stringify(part)} in ${JSON.stringify(lines)}`);
    from = at + 1;
  }
}
