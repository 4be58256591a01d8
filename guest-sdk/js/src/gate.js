// The gate that every key passes once.

import * as host from '#host';
import { bytesOf, checkText } from './bytes.js';
import { Refused, Retry, refusal } from './error.js';
import { isPromise, PROMISED } from './promise.js';
import { u64 } from './host/u64.js';

/** Claims a key. */
export function seen(key) {
  checkKey(key);
  let answer;
  try {
    answer = host.seen(key);
  } catch (error) {
    throw refusal(error);
  }
  if (answer.tag === 'new') return { tag: 'new' };
  if (answer.tag === 'duplicate') return { tag: 'duplicate', receipt: answer.val ?? undefined };
  return { tag: 'in-flight', leftMs: u64(answer.val) };
}

/** Stages the commit of a key that is new. */
export function commit(key, receipt) {
  checkKey(key);
  const bytes = receipt == null ? undefined : bytesOf(receipt);
  try {
    if (bytes === undefined) host.commit(key);
    else host.commitWith(key, bytes);
  } catch (error) {
    throw refusal(error);
  }
}

/** Does the work that belongs to a key, unless it has been done. */
export function once(key, work) {
  const sighting = seen(key);
  if (sighting.tag === 'duplicate') return { first: false, receipt: sighting.receipt };
  if (sighting.tag === 'in-flight') {
    throw new Retry(`key in flight elsewhere, for at most ${sighting.leftMs} ms more`);
  }
  const done = work();
  if (isPromise(done)) throw new TypeError(`the work of once() ${PROMISED}`);
  const receipt = done == null ? undefined : bytesOf(done);
  commit(key, receipt);
  return { first: true, receipt };
}

function checkKey(key) {
  checkText(key, 'a key');
  // Replaced by U+FFFD, two such keys would become one.
  if (!key.isWellFormed()) throw new Refused('invalid-key', 'it holds half of a surrogate pair');
}
