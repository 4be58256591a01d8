// What each step does, and what it gives.

import { commit, config, emit, once, Refused, reject, retry, seen } from '@oncegate/sdk';
import { bytes, shown, text } from './bytes.js';

const PIECE_BYTES = 1 << 20;

/** Does the steps one after the other. True if one of them said to return. */
export function run(steps, message, results) {
  return steps.some((step) => does(step, message, results, true));
}

/** Does one step. A refusal is its result if it is `caught`. */
function does(step, message, results, caught) {
  const [[name, given]] = Object.entries(step);
  if (name === 'return') return true;
  if (name === 'must') return does(given, message, results, false);
  if (name === 'once') {
    onlyOnce(given, message, results);
    return false;
  }
  results.push(caught ? refusable(() => STEPS[name](given, message)) : STEPS[name](given, message));
  return false;
}

function refusable(call) {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { refused: error.value === undefined ? error.variant : { [error.variant]: error.value } };
  }
}

function onlyOnce({ key, receipt, steps }, message, results) {
  const done = once(text(key), () => {
    run(steps, message, results);
    return receipt === null ? undefined : bytes(receipt);
  });
  results.push({ [done.first ? 'first' : 'duplicate']: optional(done.receipt) });
}

const optional = (given) => (given === undefined ? null : shown(given));

/** Memory that is held to the end of the call. */
let held = [];

/** Lets go of what the last call held. */
export function release() {
  held = [];
}

const STEPS = {
  seen(key) {
    const sighting = seen(text(key));
    if (sighting.tag === 'new') return 'new';
    if (sighting.tag === 'duplicate') return { duplicate: optional(sighting.receipt) };
    return { 'in-flight': String(sighting.leftMs) };
  },
  commit(key) {
    commit(text(key));
    return 'ok';
  },
  'commit-with'([key, receipt]) {
    commit(text(key), bytes(receipt));
    return 'ok';
  },
  emit({ topic, key = null, headers = [], payload = '' }) {
    const pairs = headers.map(([name, value]) => [text(name), bytes(value)]);
    emit(text(topic), bytes(payload), { key: key === null ? null : text(key), headers: pairs });
    return 'ok';
  },
  log([level, line]) {
    console[level](text(line));
    return 'ok';
  },
  config(name) {
    return config(text(name)) ?? null;
  },
  message(_, message) {
    return {
      id: message.id,
      topic: message.topic,
      key: message.key ?? null,
      headers: message.headers.map(({ name, value }) => [name, shown(value)]),
      payload: shown(message.payload),
      attempt: message.attempt,
      published_ms: message.publishedMs === undefined ? null : String(message.publishedMs),
    };
  },
  retry: (reason) => retry(text(reason)),
  reject: (reason) => reject(text(reason)),
  throw(reason) {
    throw new Error(text(reason));
  },
  panic(reason) {
    throw text(reason);
  },
  allocate(count) {
    for (let left = count; left > 0; left -= PIECE_BYTES) {
      held.push(new Uint8Array(Math.min(left, PIECE_BYTES)).fill(1));
    }
    return 'ok';
  },
};
