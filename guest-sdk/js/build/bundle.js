// Everything that a handler imports, in one module.

import { Fault } from './fault.js';

/** The module's text. The host's interfaces stay imports. */
export async function bundle({ build }, entry) {
  let built;
  try {
    built = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2024',
      charset: 'utf8',
      conditions: ['oncegate'],
      external: ['oncegate:*', 'wasi:*'],
      logLevel: 'warning',
    });
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    // It has said why.
    throw new Fault(`${entry} was not bundled`);
  }
  const [{ exports }] = Object.values(built.metafile.outputs);
  if (!exports.includes('handle')) {
    throw new Fault(`${entry} does not export handle: \`export const handle = handler(…)\``);
  }
  return built.outputFiles[0].text;
}
