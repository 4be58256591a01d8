// Handlers are synchronous: a component's engine runs nothing after the call has returned.

/** The rest of a sentence. */
export const PROMISED = 'is asynchronous: a handler has to be done when it returns, so use neither async nor await';

/** Whether a value is a promise. */
export function isPromise(value) {
  return typeof value === 'object' && value !== null && typeof value.then === 'function';
}
