// Where the host's call enters the user's code.

import * as host from '#host';
import { failure } from './error.js';
import { Message } from './message.js';
import { isPromise, PROMISED } from './promise.js';

const handlers = new WeakSet();

/** Makes of a function what a component exports as `handle`. */
export function handler(work) {
  if (typeof work !== 'function') throw new TypeError(`handler() takes a function, not ${typeof work}`);
  if (work.constructor?.name === 'AsyncFunction') throw new TypeError(`this handler ${PROMISED}`);
  const handle = (raw) => {
    host.begin();
    try {
      if (isPromise(work(Message.of(raw)))) throw new TypeError(`this handler ${PROMISED}`);
    } catch (error) {
      throw failure(error, host.log);
    }
  };
  handlers.add(handle);
  return handle;
}

/** Whether a function is what `handler` made. */
export function isHandler(handle) {
  return handlers.has(handle);
}
