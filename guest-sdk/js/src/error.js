// The ways in which a handler fails, and what the host is told of them.

import { inspect } from './inspect.js';
import { places } from './stack.js';

/** How many places of a stack are written to the log. */
const SHOWN_FRAMES = 5;

/** Another delivery may work. */
export class Retry extends Error {
  static {
    this.prototype.name = 'Retry';
  }
}

/** No delivery can work. */
export class Reject extends Error {
  static {
    this.prototype.name = 'Reject';
  }
}

/** Throws a `Retry`. */
export function retry(reason, options) {
  throw new Retry(reason, options);
}

/** Throws a `Reject`. */
export function reject(reason, options) {
  throw new Reject(reason, options);
}

const TEXTS = {
  'invalid-key': (why) => `invalid key: ${why}`,
  'not-claimed': () => 'commit of a key that this invocation has not claimed',
  mismatch: () => 'the key was committed with another payload',
  dead: (why) => `the key was given up earlier: ${why}`,
  'too-many-keys': (limit) => `more than ${limit} keys in one invocation`,
  'receipt-too-large': (limit) => `receipt of more than ${limit} bytes`,
  unavailable: (why) => `store unavailable: ${why}`,
  'topic-not-allowed': () => 'output refused: this handler may not write to that topic',
  invalid: (why) => `output refused: ${why}`,
  'too-many': (limit) => `output refused: more than ${limit} in one invocation`,
  'too-large': (limit) => `output refused: more than ${limit} bytes in one invocation`,
};

/** The host refused a call: `variant` is the contract's word, `value` its field. */
export class Refused extends Error {
  constructor(variant, value) {
    super(TEXTS[variant]?.(value) ?? variant);
    this.variant = variant;
    this.value = value;
  }

  static {
    this.prototype.name = 'Refused';
  }
}

/** What a call of the host threw, as the error that handlers see. */
export function refusal(error) {
  const refused = error?.payload;
  if (typeof refused?.tag !== 'string') return error;
  // Some bindings give an unsigned number as a signed one.
  const value = typeof refused.val === 'number' ? refused.val >>> 0 : (refused.val ?? undefined);
  return new Refused(refused.tag, value);
}

/** The contract's failure for whatever a handler threw; `log` is told of what is nobody's decision. */
export function failure(error, log) {
  if (error instanceof Reject) return { tag: 'reject', val: text(error.message) };
  if (error instanceof Retry) return { tag: 'retry', val: text(error.message) };
  if (error instanceof Refused) {
    return { tag: error.variant === 'unavailable' ? 'retry' : 'reject', val: text(error.message) };
  }
  const reason = shown(error);
  log('error', reason + placed(error));
  return { tag: 'retry', val: reason };
}

/** The text of what was thrown, as the language shows it. */
function shown(error) {
  if (error === null) return 'null, which QuickJS throws when there is no memory for an error';
  try {
    return text(error instanceof Error || typeof error === 'string' ? String(error) : inspect(error));
  } catch {
    return 'an error that cannot be shown';
  }
}

/** Where it was thrown, if the error says so. */
function placed(error) {
  try {
    return text(places(error, SHOWN_FRAMES));
  } catch {
    return '';
  }
}

/** A text that any host takes: half a surrogate pair has no UTF-8. */
function text(value) {
  return String(value).toWellFormed();
}
