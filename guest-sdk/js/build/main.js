#!/usr/bin/env node
// Builds a project's handler: one module of everything it imports, then a component of that.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { exact } from './u64.js';

const USAGE = 'usage: oncegate-js build [ENTRY] [--out FILE]   (default: package.json\'s "main", build/NAME.wasm)';
const WIT = fileURLToPath(new URL('../wit', import.meta.url));

/** What goes wrong because of the project; told without a stack. */
class Fault extends Error {}

async function main(given) {
  const project = readProject();
  const { entry, out } = readArguments(given, project);
  const [esbuild, { componentize }] = await Promise.all(['esbuild', 'componentize-qjs'].map(load));
  // Beside the component, because the places in a stack are its lines.
  const bundle = out.replace(/(\.wasm)?$/, '.js');
  const source = await bundled(esbuild, entry);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(bundle, source);
  writeFileSync(out, exact(await built(componentize, source, bundle)));
  console.log(out);
}

function readProject() {
  try {
    return JSON.parse(readFileSync('package.json', 'utf8'));
  } catch (error) {
    throw new Fault(`package.json cannot be read: ${error.message}`);
  }
}

function readArguments(given, { main: entry, name }) {
  const [verb, ...rest] = given;
  const positional = [];
  let out = join('build', `${String(name).replace(/^.*\//, '')}.wasm`);
  if (verb !== 'build') throw new Fault(USAGE);
  for (let at = 0; at < rest.length; at++) {
    if (rest[at] === '--out' && rest[at + 1] !== undefined) out = rest[++at];
    else if (rest[at].startsWith('-')) throw new Fault(USAGE);
    else positional.push(rest[at]);
  }
  const chosen = positional[0] ?? entry;
  if (positional.length > 1 || chosen === undefined) throw new Fault(USAGE);
  return { entry: chosen, out };
}

/** A tool of the project's own. */
async function load(name) {
  const require = createRequire(pathToFileURL(resolve('package.json')));
  let path;
  try {
    path = require.resolve(name);
  } catch {
    throw new Fault(`${name} is not there: it belongs to devDependencies, and \`npm install\` gets it`);
  }
  return import(pathToFileURL(path));
}

/** Everything that the entry imports, in one module; the host's interfaces stay imports. */
async function bundled(esbuild, entry) {
  try {
    const { outputFiles, metafile } = await esbuild.build({
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
    const [{ exports }] = Object.values(metafile.outputs);
    if (!exports.includes('handle'))
      throw new Fault(`${entry} does not export handle: \`export const handle = handler(…)\``);
    return outputFiles[0].text;
  } catch (error) {
    if (!Array.isArray(error.errors)) throw error;
    throw new Fault(`${entry} was not bundled`);
  }
}

async function built(componentize, source, bundle) {
  const given = {
    witPath: WIT,
    world: 'handler',
    sync: true,
    jsSource: source,
    jsPath: bundle,
    moduleRoot: dirname(bundle),
  };
  try {
    return (await componentize(given)).component;
  } catch (error) {
    // The tool's own steps come before what the module threw.
    throw new Fault(`no component: ${error.message.replace(/^[:\s]*(Failed to [^:]*: )*/, '')}`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Fault ? `oncegate-js: ${error.message}` : error);
  process.exitCode = 1;
}
