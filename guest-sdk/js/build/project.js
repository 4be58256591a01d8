// The project that is built: the folder in which the tool was called.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Fault } from './fault.js';

const require = createRequire(pathToFileURL(resolve('package.json')));

/** What its package.json says. */
export function manifest() {
  try {
    return JSON.parse(readFileSync('package.json', 'utf8'));
  } catch (error) {
    throw new Fault(`package.json cannot be read: ${error.message}`);
  }
}

/** One of its tools, and that one's version. */
export async function tool(name) {
  let path;
  try {
    path = require.resolve(name);
  } catch {
    throw new Fault(`${name} is not there: it belongs to devDependencies, and \`npm install\` gets it`);
  }
  return { ...(await import(pathToFileURL(path))), version: require(`${name}/package.json`).version };
}
