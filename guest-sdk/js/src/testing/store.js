// What a host remembers of keys between deliveries.

export class Store {
  /** By key: `{committed}`, `{inFlight}` or `{dead}`, with the `origin` that died of it, if it was delivered here. */
  #records = new Map();
  down = false;

  /** What a message is told of a key. */
  look(key, { id, topic, payload }) {
    if (this.down) return { refusal: { tag: 'unavailable', val: 'the store did not answer' } };
    const { committed, inFlight, dead, origin } = this.#records.get(key) ?? {};
    if (inFlight !== undefined) return { sighting: { tag: 'in-flight', val: inFlight } };
    if (dead !== undefined) {
      const own = origin?.id === id && origin.topic === topic;
      return { refusal: { tag: 'dead', val: dead, own } };
    }
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
