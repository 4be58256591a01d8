// What a handler may give where the contract has bytes or text.

import { encode, viewed } from './utf8.js';

/** Whether a value is bytes already. */
export function isBytes(value) {
  return value instanceof Uint8Array || ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
}

/** The bytes of a text, or of bytes. */
export function bytesOf(value) {
  return typeof value === 'string' ? encode(value) : viewed(value);
}

/** Checks that a value is a text; the bindings would end the whole instance over anything else. */
export function checkText(value, what) {
  if (typeof value !== 'string') {
    throw new TypeError(`${what} is a string, not ${value === null ? 'null' : typeof value}`);
  }
}
