// The language's own way to write a line, to the contract's log.

import { format, inspect } from './inspect.js';

/** A console whose methods write to `log(level, text)`. */
export function consoleOf(log) {
  const line =
    (level) =>
    (...values) =>
      log(level, format(values).toWellFormed());
  return {
    trace: line('trace'),
    debug: line('debug'),
    log: line('info'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    dir: (value) => log('info', inspect(value).toWellFormed()),
    assert: (holds, ...values) => {
      if (!holds) log('error', ['Assertion failed', format(values)].filter(Boolean).join(': ').toWellFormed());
    },
  };
}
