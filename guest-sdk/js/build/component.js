// A module's text as a component.

import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from './fault.js';
import { producers } from './producers.js';
import { exact } from './u64.js';

const WIT = fileURLToPath(new URL('../wit', import.meta.url));

/** The component of the module that lies at this path, which is what its stacks will name. */
export async function componentOf({ componentize, version }, source, path) {
  let component;
  try {
    const given = {
      witPath: WIT,
      world: 'handler',
      sync: true,
      jsSource: source,
      jsPath: path,
      moduleRoot: dirname(path),
    };
    ({ component } = await componentize(given));
  } catch (error) {
    // The tool's own steps come before what the module threw.
    throw new Fault(`no component: ${error.message.replace(/^[:\s]*(Failed to [^:]*: )*/, '').trimEnd()}`);
  }
  const made = { language: { JavaScript: '' }, 'processed-by': { 'componentize-qjs': version } };
  return Buffer.concat([exact(component), producers(made)]);
}
