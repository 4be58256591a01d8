// What the SDK is in a component: bundled as such, with the contract's imports played.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';
import { build } from 'esbuild';

/** The imports, as calls of `host`, which stands among the globals. */
const IMPORTS = `
  export const get = (name) => host.get(name);
  export const log = (level, text) => host.log(level, text);
  export const seen = (key) => host.seen(key);
  export const commit = (key) => host.commit(key);
  export const commitWith = (key, receipt) => host.commitWith(key, receipt);
  export const emit = (...parts) => host.emit(...parts);
  export const getRandomBytes = (length) => host.getRandomBytes(length);
`;

const imports = {
  name: 'imports',
  setup(building) {
    building.onResolve({ filter: /^(oncegate|wasi):/ }, ({ path }) => ({ path, namespace: 'imports' }));
    building.onLoad({ filter: /./, namespace: 'imports' }, () => ({ contents: IMPORTS }));
  },
};

/** Loads a module in an engine that has the language and nothing else, and gives its exports and its globals. */
async function load(source, host = {}) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'exported',
    conditions: ['oncegate'],
    plugins: [imports],
  });
  const lines = [];
  const context = vm.createContext({ lines, performance: { now: () => -5 }, btoa, atob });
  context.host = { log: (level, text) => lines.push(`${level} ${text}`), ...host };
  vm.runInContext(outputFiles[0].text, context);
  const call = vm.runInContext(
    `(payload, given) => {
      const message = { id: 'i', topic: 't', key: null, headers: [], payload: Uint8Array.from(payload), ...given };
      try { exported.handle(message); } catch (failure) { return [failure.tag, failure.val]; }
    }`,
    context,
  );
  const handle = (payload = '', given = {}) => call(Buffer.from(payload), { attempt: -1, publishedMs: null, ...given });
  return { handle, lines, context };
}

const SDK = `import { commit, config, emit, handler, once, Refused, seen } from '@oncegate/sdk';\n`;

test('what is logged while the module is loaded comes with the first message', async () => {
  const { handle, lines } = await load(`${SDK}
    console.warn('loaded');
    export const handle = handler((message) => console.info(message.text(), { attempt: message.attempt }));`);
  assert.deepEqual(lines, []);
  handle('one');
  handle('größe');
  assert.deepEqual(lines, ['warn loaded', 'info one { attempt: 4294967295 }', 'info größe { attempt: 4294967295 }']);
});

test('while the module is loaded there is no host', async () => {
  for (const call of ["config('a')", "seen('k')", "commit('k', 'r')", "emit('t', 1)", 'crypto.randomUUID()']) {
    await assert.rejects(
      load(`${SDK} ${call}; export const handle = handler(() => {});`),
      /while the module is loaded/,
    );
  }
});

test('random numbers are drawn anew for each message, from the host', async () => {
  let draws = 0;
  const getRandomBytes = (length) => new Uint8Array(length).fill(draws++);
  const { handle, lines } = await load(
    `${SDK} const early = Math.random();
    export const handle = handler(() => console.log(Math.random() === Math.random(), Math.random() === early));`,
    { getRandomBytes },
  );
  handle();
  handle();
  assert.deepEqual([draws, lines], [2, ['info false false', 'info false false']]);
});

test('the clock that measures begins at zero', async () => {
  const { handle, lines } = await load(`${SDK} performance.now();
    export const handle = handler(() => console.log(performance.now()));`);
  handle();
  assert.deepEqual(lines, ['info 0']);
});

test('numbers, answers and refusals are what the bindings of the engine mean', async () => {
  const refused = (tag, val) => Object.assign(new Error('[object Object]'), { payload: { tag, val } });
  const answers = {
    new: { tag: 'new' },
    none: { tag: 'duplicate', val: null },
    long: { tag: 'in-flight', val: 'pppppppppppppppp' },
    short: { tag: 'in-flight', val: 5 },
  };
  const refusals = { many: refused('too-many-keys', -1), nothing: refused('not-claimed') };
  const host = {
    seen: (key) => {
      if (answers[key]) return answers[key];
      throw refusals[key] ?? new Error('of another kind');
    },
  };
  const { handle, lines } = await load(
    `${SDK} export const handle = handler((message) => {
      for (const key of ['new', 'none', 'long', 'short']) console.log(seen(key));
      for (const key of ['many', 'nothing']) {
        try { seen(key); } catch (error) { console.log(error instanceof Refused, error.variant, error.value); }
      }
      console.log(message.publishedMs, message.key);
      seen('other');
    });`,
    host,
  );
  assert.equal(handle('', { publishedMs: 'iaaaaaaaaaaaaaab' })[0], 'retry');
  assert.deepEqual(lines.slice(0, -1), [
    "info { tag: 'new' }",
    "info { tag: 'duplicate', receipt: undefined }",
    `info { tag: 'in-flight', leftMs: ${2n ** 64n - 1n}n }`,
    "info { tag: 'in-flight', leftMs: 5n }",
    'info true too-many-keys 4294967295',
    'info true not-claimed undefined',
    `info ${2n ** 63n + 1n}n undefined`,
  ]);
});

test('an engine without them has the globals that a handler needs', async () => {
  const names = ['TextEncoder', 'TextDecoder', 'structuredClone', 'crypto', 'console', 'performance', 'atob', 'btoa'];
  const { context } = await load(`${SDK} export const handle = handler(() => {});`);
  for (const name of names) assert.notEqual(vm.runInContext(`typeof ${name}`, context), 'undefined', name);
});
