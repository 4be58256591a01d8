// The outputs of one invocation.

import { parse } from '../json.js';
import { decode, encode } from '../utf8.js';
import { refused } from './keys.js';

const CONTROL = /\p{Cc}/u;

/** One output. */
export class Output {
  constructor(topic, key, headers, payload) {
    Object.assign(this, { topic, key, headers, payload });
  }

  /** The payload as text. */
  text() {
    return decode(this.payload);
  }

  /** The payload as JSON, read as `Message.json` does. */
  json() {
    return parse(this.text());
  }
}

export class Outputs {
  #limits;
  #topics;
  #bytes = 0;
  /** Pairs of an output and the key that it belongs to, if there was one. */
  staged = [];

  constructor(limits, topics) {
    this.#limits = limits;
    this.#topics = topics;
  }

  emit(topic, key, headers, payload, under) {
    this.#checkNames(topic, key, headers);
    if (this.#topics !== undefined && !this.#topics.includes(topic)) throw refused('topic-not-allowed');
    if (this.staged.length >= this.#limits.outputs) throw refused('too-many', this.#limits.outputs);
    const sizes = headers.map(({ name, value }) => encode(name).length + value.length);
    const names = encode(topic).length + encode(key ?? '').length;
    const bytes = sizes.reduce((sum, size) => sum + size, this.#bytes + names + payload.length);
    if (bytes > this.#limits.output_bytes) throw refused('too-large', this.#limits.output_bytes);
    this.#bytes = bytes;
    const kept = headers.map(({ name, value }) => ({ name, value: value.slice() }));
    this.staged.push([new Output(topic, key, kept, payload.slice()), under]);
  }

  #checkNames(topic, key, headers) {
    this.#checkName('topic', topic);
    if (key !== undefined) this.#checkLength('key', key);
    const limit = this.#limits.output_headers;
    if (headers.length > limit) throw refused('invalid', `${headers.length} headers, and ${limit} are allowed`);
    for (const { name } of headers) {
      this.#checkName('header name', name);
      if (/^oncegate-/i.test(name)) {
        throw refused('invalid', "header names that begin with oncegate- are the host's");
      }
    }
  }

  #checkName(what, name) {
    if (name === '') throw refused('invalid', `the ${what} is empty`);
    this.#checkLength(what, name);
    if (CONTROL.test(name)) throw refused('invalid', `the ${what} holds control characters`);
  }

  #checkLength(what, name) {
    const length = encode(name).length;
    const limit = this.#limits.output_name_bytes;
    if (length > limit) throw refused('invalid', `the ${what} has ${length} bytes, and ${limit} are allowed`);
  }
}
