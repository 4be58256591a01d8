// The host of a component: the contract's imports, and the globals that an engine lacks.

import { get } from 'oncegate:plugin/config@0.1.0';
import * as dedup from 'oncegate:plugin/dedup@0.1.0';
import { log as write } from 'oncegate:plugin/log@0.1.0';
import * as output from 'oncegate:plugin/output@0.1.0';
import { getRandomBytes } from 'wasi:random/random@0.2.0';
import { structuredClone } from '../clone.js';
import { consoleOf } from '../console.js';
import { cryptoOf, generatorOf } from '../random.js';
import { TextDecoder, TextEncoder } from '../utf8.js';

/** False while the module is loaded, which happens when the component is built: there is no host then. */
let begun = false;
/** What was logged meanwhile. Each instance writes it with its first message. */
let early = [];

/** A message is about to be handled. */
export function begin() {
  generator.forget();
  if (begun) return;
  begun = true;
  origin = undefined;
  for (const [level, text] of early) write(level, text);
  early = undefined;
}

export function log(level, text) {
  if (begun) write(level, text);
  else early.push([level, text]);
}

export const seen = (key) => asked('seen()', dedup.seen)(key);
export const commit = (key) => asked('commit()', dedup.commit)(key);
export const commitWith = (key, receipt) => asked('commit()', dedup.commitWith)(key, receipt);
export const emit = (...parts) => asked('emit()', output.emit)(...parts);
export const config = (name) => asked('config()', get)(name);

/** The call, if there is somebody to answer it. */
function asked(name, call) {
  if (begun) return call;
  throw new Error(`${name} while the module is loaded: there is no host yet, ask within the handler`);
}

/** While the module is loaded the engine's own numbers do. */
const engineRandom = Math.random;
const generator = generatorOf((length) => getRandomBytes(length));

/** The engine counts from when the component was built, on that machine's clock; here it is from the first call. */
const clock = globalThis.performance;
let origin;
const now = () => {
  const time = clock.now();
  return time - (origin ??= time);
};

globalThis.console = consoleOf(log);
globalThis.performance = { now };
Math.random = () => (begun ? generator.random() : engineRandom());
globalThis.crypto ??= cryptoOf((length) => asked('crypto', getRandomBytes)(length));
globalThis.structuredClone ??= structuredClone;
globalThis.TextDecoder ??= TextDecoder;
globalThis.TextEncoder ??= TextEncoder;
