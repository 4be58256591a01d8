// Handlers in JavaScript and TypeScript: see README.md.

export { config } from './config.js';
export { Refused, Reject, reject, Retry, retry } from './error.js';
export { commit, once, seen } from './gate.js';
export { handler } from './handler.js';
export { Message } from './message.js';
export { emit } from './output.js';
