// The keys of one invocation: what it was told of each, and what it staged.

import { encode } from '../utf8.js';

/** A refusal, as the bindings throw it. */
export function refused(tag, val) {
  return Object.assign(new Error(`refused: ${tag}`), { payload: val === undefined ? { tag } : { tag, val } });
}

export class Keys {
  /** By key, in the order in which they were named: `{sighting}` or `{refusal}`, and `staged` once it is. */
  #known = new Map();
  #store;
  #limits;
  #message;
  /** The key most recently answered new. */
  lastNew;
  tooMany = false;

  constructor(store, limits, message) {
    this.#store = store;
    this.#limits = limits;
    this.#message = message;
  }

  seen(key) {
    this.#check(key);
    let known = this.#known.get(key);
    if (known === undefined) {
      if (this.#known.size >= this.#limits.keys) {
        this.tooMany = true;
        throw refused('too-many-keys', this.#limits.keys);
      }
      known = this.#store.look(key, this.#message);
      this.#known.set(key, known);
    }
    if (known.refusal) throw refused(known.refusal.tag, known.refusal.val);
    if (known.sighting.tag !== 'new') return known.sighting;
    if (known.staged) return { tag: 'duplicate', val: known.staged.receipt };
    this.lastNew = key;
    return { tag: 'new' };
  }

  commit(key, receipt) {
    this.#check(key);
    const known = this.#known.get(key);
    if (known === undefined) throw refused('not-claimed');
    const limit = this.#limits.receipt_bytes;
    if (receipt !== undefined && receipt.length > limit) throw refused('receipt-too-large', limit);
    if (known.sighting?.tag !== 'new') throw refused('not-claimed');
    known.staged ??= { receipt: receipt?.slice() };
  }

  #check(key) {
    const length = encode(key).length;
    const limit = this.#limits.key_bytes;
    if (length === 0) throw refused('invalid-key', 'it is empty');
    if (length > limit) throw refused('invalid-key', `it has ${length} bytes, and ${limit} are allowed`);
  }

  /** The commits that are staged, as pairs of key and receipt. */
  commits() {
    return [...this.#known].filter(([, known]) => known.staged).map(([key, known]) => [key, known.staged.receipt]);
  }

  /** The keys that it claimed. */
  claimed() {
    return [...this.#known].filter(([, known]) => known.sighting?.tag === 'new').map(([key]) => key);
  }

  /** How many it may name. */
  get limit() {
    return this.#limits.keys;
  }

  /** What it was told of its keys, in order, as pairs of key and the bindings' answer or refusal. */
  answers() {
    return [...this.#known].map(([key, known]) => [key, known.refusal ?? known.sighting]);
  }
}
