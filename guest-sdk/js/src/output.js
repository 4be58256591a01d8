// What a handler makes happen.

import * as host from '#host';
import { bytesOf, checkText, isBytes } from './bytes.js';
import { Refused, Reject, refusal } from './error.js';
import { stringify } from './json.js';
import { encode } from './utf8.js';

/** Stages one output: bytes as they are, any other value as JSON. */
export function emit(topic, payload, { key, headers } = {}) {
  checkName(topic, 'topic');
  if (key != null) checkName(key, 'key');
  const listed = headers == null ? [] : list(headers);
  const bytes = isBytes(payload) ? bytesOf(payload) : encode(json(payload));
  try {
    host.emit(topic, key ?? undefined, listed, bytes);
  } catch (error) {
    throw refusal(error);
  }
}

/** Headers in order, from pairs or from an object. */
function list(headers) {
  const pairs = typeof headers[Symbol.iterator] === 'function' ? headers : Object.entries(headers);
  return Array.from(pairs, ([name, value]) => {
    checkName(name, 'header name');
    return { name, value: bytesOf(value) };
  });
}

function json(value) {
  let text;
  try {
    text = stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Reject(`JSON: ${error.message}`, { cause: error });
  }
  if (text === undefined) throw new TypeError(`a payload is bytes or what has JSON, not ${typeof value}`);
  return text;
}

function checkName(name, what) {
  checkText(name, `the ${what} of an output`);
  if (!name.isWellFormed()) throw new Refused('invalid', `the ${what} holds half of a surrogate pair`);
}
