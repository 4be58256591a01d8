// A small host in memory, so that a handler is tested by node's own runner, without a component.

import { bytesOf, isBytes } from './bytes.js';
import { consoleOf } from './console.js';
import { handler, isHandler } from './handler.js';
import { within } from './host/native.js';
import { stringify } from './json.js';
import { endOf } from './testing/end.js';
import { Keys } from './testing/keys.js';
import { LIMITS } from './testing/limits.js';
import { Outputs } from './testing/outputs.js';
import { Store } from './testing/store.js';
import { decode, encode } from './utf8.js';

/** A message: its payload is a text, bytes, or any other value as JSON. */
export function message(payload, { id = 'test:0', topic = 'test', key, headers = [], attempt = 1, publishedMs } = {}) {
  const bytes = isBytes(payload) || typeof payload === 'string' ? bytesOf(payload) : encode(stringify(payload));
  const pairs = typeof headers[Symbol.iterator] === 'function' ? headers : Object.entries(headers);
  const listed = Array.from(pairs, ([name, value]) => ({ name, value: bytesOf(value) }));
  return { id, topic, key, headers: listed, payload: bytes, attempt, publishedMs };
}

/** The text of bytes, of a receipt for example; undefined if there are none. */
export function text(bytes) {
  return bytes === undefined ? undefined : decode(bytesOf(bytes));
}

/** The host: what it remembers between deliveries. */
export class Host {
  #store = new Store();
  #config;
  #topics;
  #gated;
  /** What it allows; may be changed at any time. */
  limits;
  /** Every output that was applied, oldest first. */
  outputs = [];
  /** Every line that was logged, as pairs of level and text, oldest first. */
  log = [];

  constructor({ config = {}, limits = {}, topics, outputs = 'gated' } = {}) {
    this.#config = new Map(Object.entries(config));
    this.#topics = topics;
    this.#gated = outputs !== 'free';
    this.limits = { ...LIMITS, ...limits };
  }

  /**
   * Hands one message to a handler, and applies what it staged if that may be applied. If it would go to the dead
   * letters, the keys that it claimed are dead from now on.
   */
  deliver(handle, delivered) {
    const logged = this.log.length;
    const keys = new Keys(this.#store, this.limits, delivered);
    const outputs = new Outputs(this.limits, this.#topics);
    const failure = this.#run(handle, copied(delivered), keys, outputs);
    const ended = endOf(keys, outputs, failure, this.#gated);
    this.#settle(ended, keys, outputs, delivered);
    const staged = failure ? [] : outputs.staged.map(([output]) => output);
    return { end: ended.end, reason: ended.reason, staged, log: this.log.slice(logged) };
  }

  /** The failure with which the handler ended, or undefined. */
  #run(handle, delivered, keys, outputs) {
    const log = (level, line) => this.log.push([level, line]);
    const invocation = {
      log,
      seen: (key) => keys.seen(key),
      commit: (key, receipt) => keys.commit(key, receipt),
      emit: (topic, key, headers, payload) => outputs.emit(topic, key, headers, payload, keys.lastNew),
      config: (name) => this.#config.get(name),
    };
    const outer = globalThis.console;
    globalThis.console = consoleOf(log);
    try {
      within(invocation, () => (isHandler(handle) ? handle : handler(handle))(delivered));
      return undefined;
    } catch (failure) {
      return failure;
    } finally {
      globalThis.console = outer;
    }
  }

  #settle({ end, death }, keys, outputs, { id, topic, payload }) {
    if (end === 'applied') {
      for (const [key, receipt] of keys.commits()) {
        this.#store.set(key, { committed: { receipt, payload: payload.slice() } });
      }
      this.outputs.push(...outputs.staged.map(([output]) => output));
    }
    if (death === undefined) return;
    for (const key of keys.claimed()) this.#store.set(key, { dead: death, origin: { id, topic } });
  }

  /** Sets what `config` answers for this name. */
  setConfig(name, value) {
    this.#config.set(name, value);
  }

  /** Makes a key one that was committed, with any payload unless one is given. */
  committed(key, { receipt, payload } = {}) {
    const [stored, of] = [receipt, payload].map((value) => (value == null ? undefined : bytesOf(value)));
    this.#store.set(key, { committed: { receipt: stored, payload: of } });
  }

  /** Makes a key one that another delivery holds, for at most this long. */
  inFlight(key, leftMs) {
    this.#store.set(key, { inFlight: BigInt(leftMs) });
  }

  /** Makes a key one that was given up. */
  dead(key, reason) {
    this.#store.set(key, { dead: reason });
  }

  /** Forgets a key. */
  forget(key) {
    this.#store.forget(key);
  }

  /** From now on the store does not answer, or does again. */
  storeDown(down = true) {
    this.#store.down = down;
  }

  /** Whether a key is committed. */
  isCommitted(key) {
    return this.#store.get(key)?.committed !== undefined;
  }

  /** The receipt of a committed key, if it has one. */
  receipt(key) {
    return this.#store.get(key)?.committed?.receipt;
  }
}

/** A message that the handler may do anything to. */
function copied({ headers, payload, ...rest }) {
  return {
    ...rest,
    payload: payload.slice(),
    headers: headers.map(({ name, value }) => ({ name, value: value.slice() })),
  };
}
