// What a host remembers of keys between deliveries.

export class Store {
  /** By key: `{committed}`, `{inFlight}` or `{dead}`. */
  #records = new Map();
  down = false;

  /** What a message with this payload is told of a key. */
  look(key, payload) {
    if (this.down) return { refusal: { tag: 'unavailable', val: 'the store did not answer' } };
    const { committed, inFlight, dead } = this.#records.get(key) ?? {};
    if (inFlight !== undefined) return { sighting: { tag: 'in-flight', val: inFlight } };
    if (dead !== undefined) return { refusal: { tag: 'dead', val: dead } };
    if (committed === undefined) return { sighting: { tag: 'new' } };
    if (!same(committed.payload, payload)) return { refusal: { tag: 'mismatch' } };
    return { sighting: { tag: 'duplicate', val: committed.receipt } };
  }

  set(key, record) {
    this.#records.set(key, record);
  }

  get(key) {
    return this.#records.get(key);
  }

  forget(key) {
    this.#records.delete(key);
  }
}

/** Whether a payload is the one that was committed; one that nobody told is any. */
function same(committed, payload) {
  if (committed === undefined) return true;
  return committed.length === payload.length && committed.every((byte, index) => byte === payload[index]);
}
