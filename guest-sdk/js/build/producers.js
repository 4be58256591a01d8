// What a component says of how it was made, in the section that the tool conventions have for it.

import { section, unsigned } from './wasm.js';

/** The section for `{field: {name: version}}`. */
export function producers(fields) {
  const contents = [name('producers'), list(fields, (values) => list(values, name))];
  return Buffer.concat(section(0, ...contents));
}

/** The members of an object, each with its name before it. */
function list(members, written) {
  const entries = Object.entries(members);
  return Buffer.concat([
    Uint8Array.from(unsigned(entries.length)),
    ...entries.flatMap(([key, value]) => [name(key), written(value)]),
  ]);
}

function name(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([Uint8Array.from(unsigned(bytes.length)), bytes]);
}
