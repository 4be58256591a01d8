#!/usr/bin/env node
// Builds a project's handler: one module of everything it imports, then a component of that.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle } from './bundle.js';
import { componentOf } from './component.js';
import { Fault } from './fault.js';
import { manifest, tool } from './project.js';

const USAGE = 'usage: oncegate-js build [ENTRY] [--out FILE]   (default: package.json\'s "main", build/NAME.wasm)';

async function main([verb, ...given]) {
  if (verb !== 'build') throw new Fault(USAGE);
  const { entry, out } = chosen(given, manifest());
  const [esbuild, qjs] = await Promise.all([tool('esbuild'), tool('componentize-qjs')]);
  const source = await bundle(esbuild, entry);
  // Beside the component, because the places in a stack are its lines.
  const path = out.replace(/(\.wasm)?$/, '.js');
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(path, source);
  writeFileSync(out, await componentOf(qjs, source, path));
  console.log(out);
}

/** What is built, and where to. */
function chosen(given, { main: entry, name }) {
  const entries = [];
  let out = join('build', `${String(name).replace(/^.*\//, '')}.wasm`);
  for (let at = 0; at < given.length; at++) {
    if (given[at] === '--out' && given[at + 1] !== undefined) out = given[++at];
    else if (given[at].startsWith('-')) throw new Fault(USAGE);
    else entries.push(given[at]);
  }
  if (entries.length === 0 && entry !== undefined) entries.push(entry);
  if (entries.length !== 1) throw new Fault(USAGE);
  return { entry: entries[0], out };
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Fault ? `oncegate-js: ${error.message}` : error);
  process.exitCode = 1;
}
