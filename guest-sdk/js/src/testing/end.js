// How a delivery ends, by the real host's order.

import { refusal } from '../error.js';

/**
 * `{end, reason, death}` of an invocation whose handler ended with this failure, if with any. The death is what the
 * keys that it claimed are dead for from now on; undefined if they are not.
 */
export function endOf(keys, outputs, failure, gated) {
  const answers = keys.answers();
  const deferral = answers.find(([, { tag }]) => tag === 'in-flight' || tag === 'unavailable');
  if (deferral) return { end: 'deferred', reason: textOf(deferral[1]) };
  const fatal = answers.find(([, { tag }]) => tag === 'mismatch' || tag === 'dead');
  if (fatal) return { end: fatal[1].tag, reason: textOf(fatal[1]), death: deathOf(...fatal) };
  if (failure?.tag === 'reject') return { end: 'reject', reason: failure.val, death: `rejected: ${failure.val}` };
  if (failure) return { end: 'retry', reason: failure.val };
  if (keys.tooMany) return { end: 'retry', reason: `more than ${keys.limit} keys in one delivery` };
  const reason = gated ? uncovered(keys, outputs) : undefined;
  if (reason === undefined) return { end: 'applied' };
  return { end: 'effect-without-commit', reason, death: `effect without commit: ${reason}` };
}

/** A delivery that died before dies once more of the same. */
function deathOf(key, { tag, val, own }) {
  if (tag === 'mismatch') return `mismatch: key ${key} was committed with another payload`;
  return own ? val : `key is dead: ${val}`;
}

/** Names the first output whose key is not committed; that of one before any new key is whichever. */
function uncovered(keys, outputs) {
  const committed = keys.commits().map(([key]) => key);
  const covers = (under) => (under === undefined ? committed.length > 0 : committed.includes(under));
  const index = outputs.staged.findIndex(([, under]) => !covers(under));
  if (index === -1) return undefined;
  const [{ topic }, under] = outputs.staged[index];
  const why = under === undefined ? 'no key was committed' : 'its key was not committed';
  return `output ${index + 1} to topic ${topic}: ${why}`;
}

function textOf({ tag, val }) {
  if (tag === 'in-flight') return `key in flight elsewhere, for at most ${val} ms more`;
  return refusal({ payload: { tag, val } }).message;
}
