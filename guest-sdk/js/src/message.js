// What a message can be asked. Its fields are the contract's own.

import { Reject } from './error.js';
import { parse } from './json.js';
import { u64 } from './host/u64.js';
import { decode } from './utf8.js';

/** One delivery of a message. */
export class Message {
  /** Makes a message of what the bindings gave, in place. */
  static of(raw) {
    raw.key ??= undefined;
    raw.attempt >>>= 0;
    raw.publishedMs = raw.publishedMs == null ? undefined : u64(raw.publishedMs);
    return Object.setPrototypeOf(raw, Message.prototype);
  }

  /** The payload as JSON, or a `Reject`. */
  json() {
    const text = this.text();
    try {
      return parse(text);
    } catch (error) {
      // Anything else, out of memory for example, says nothing of the payload.
      if (!(error instanceof SyntaxError)) throw error;
      throw new Reject(`payload: ${error.message}`, { cause: error });
    }
  }

  /** The payload as text, or a `Reject` if it is not UTF-8. */
  text() {
    try {
      return decode(this.payload);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new Reject('payload: it is not UTF-8', { cause: error });
    }
  }

  /** The bytes of the first header of this name, compared exactly. */
  header(name) {
    return this.headers.find((header) => header.name === name)?.value;
  }
}
