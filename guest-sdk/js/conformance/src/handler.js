// The driver of the conformance cases: tests/conformance/README.md says what it does.

import { emit, handler, reject } from '@oncegate/sdk';
import { release, run } from './steps.js';

export const handle = handler((message) => {
  release();
  const results = [];
  const steps = message.header('echo') === undefined ? message.json() : [{ message: null }];
  run(steps, message, results);
  const asked = message.header('results');
  if (asked !== undefined && new TextDecoder().decode(asked) === 'reason') reject(ascii(results));
  emit('results', results);
});

/** Compact JSON without a character beyond ASCII. */
function ascii(value) {
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[\x7f-\uffff]/g, escaped);
}
