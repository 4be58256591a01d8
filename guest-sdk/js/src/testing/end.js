// How a delivery ends, by the real host's order.

import { refusal } from '../error.js';

/** `{end, reason, death}` of an invocation whose handler ended with this failure, if with any. */
export function endOf(keys, outputs, failure, gated) {
  const answers = keys.answers();
  const deferral = answers.find(({ tag }) => tag === 'in-flight' || tag === 'unavailable');
  if (deferral) return { end: 'deferred', reason: textOf(deferral) };
  const death = answers.find(({ tag }) => tag === 'mismatch' || tag === 'dead');
  if (death?.tag === 'dead') return { end: 'dead', reason: textOf(death), death: `key is dead: ${death.val}` };
  if (death) return { end: 'mismatch', reason: textOf(death), death: textOf(death) };
  if (failure?.tag === 'reject') return { end: 'reject', reason: failure.val, death: `rejected: ${failure.val}` };
  if (failure) return { end: 'retry', reason: failure.val };
  if (keys.tooMany) return { end: 'retry', reason: `more than ${keys.limit} keys in one delivery` };
  const bare = gated ? outputs.staged.find(([, under]) => !covers(keys, under)) : undefined;
  if (bare === undefined) return { end: 'applied' };
  const reason = `effect without commit: an output to ${bare[0].topic}, and no commit covers it`;
  return { end: 'effect-without-commit', reason, death: reason };
}

/** Whether an output's key is committed; that of one before any new key is whichever. */
function covers(keys, under) {
  const committed = keys.commits().map(([key]) => key);
  return under === undefined ? committed.length > 0 : committed.includes(under);
}

function textOf({ tag, val }) {
  if (tag === 'in-flight') return `key in flight elsewhere, for at most ${val} ms more`;
  return refusal({ payload: { tag, val } }).message;
}
