// Numbers of 64 bits keep all of them.
//
// The bindings give JavaScript a u64 as a double, which rounds it beyond 2^53 and takes the upper half for negative.
// They have one function for it, `wit_dylib_push_u64` of the engine's module. Its body is exchanged here: a number that
// a double holds is given as before, any other as a text of 16 digits to the base of 16, `a` being 0. src/host/u64.js
// reads both.

import { readName, readUnsigned, section, sections, signed, unsigned } from './wasm.js';

const PREAMBLE_BYTES = 8;
const [MODULE, COMPONENT] = [1, 4];
const [IMPORTS, EXPORTS, CODE] = [2, 7, 10];
const [FUNCTION, TABLE, MEMORY, GLOBAL] = [0, 1, 2, 3];
const EXCHANGED = 'wit_dylib_push_u64';

/** The component with the body exchanged. */
export function exact(component) {
  const bytes = Buffer.from(component);
  const pieces = inComponent(bytes, 0, bytes.length);
  if (pieces === undefined) throw absent(EXCHANGED);
  return Buffer.concat(pieces);
}

function absent(name) {
  return new Error(`the engine has no ${name}: it is another version of componentize-qjs`);
}

/** The pieces of a component with the body exchanged somewhere inside; undefined if it is not there. */
function inComponent(bytes, start, end) {
  for (const inner of sections(bytes, start + PREAMBLE_BYTES, end)) {
    const search = { [COMPONENT]: inComponent, [MODULE]: inModule }[inner.id];
    const pieces = search?.(bytes, inner.start, inner.end);
    if (pieces !== undefined) {
      return [bytes.subarray(start, inner.header), ...section(inner.id, ...pieces), bytes.subarray(inner.end, end)];
    }
  }
  return undefined;
}

function inModule(bytes, start, end) {
  const all = sections(bytes, start + PREAMBLE_BYTES, end);
  const only = (id) => all.find((one) => one.id === id);
  const functions = exported(bytes, only(EXPORTS));
  if (!functions.has(EXCHANGED)) return undefined;
  const code = only(CODE);
  const body = bodyAt(bytes, code, functions.get(EXCHANGED) - imported(bytes, only(IMPORTS)));
  const pieces = [bytes.subarray(code.start, body.start), bodyOf(functions), bytes.subarray(body.end, code.end)];
  return [bytes.subarray(start, code.header), ...section(CODE, ...pieces), bytes.subarray(code.end, end)];
}

/** The exported functions' indices by their names. */
function exported(bytes, exports) {
  const functions = new Map();
  if (exports === undefined) return functions;
  let [count, at] = readUnsigned(bytes, exports.start);
  for (; count > 0; count--) {
    const [name, kindAt] = readName(bytes, at);
    const [index, next] = readUnsigned(bytes, kindAt + 1);
    if (bytes[kindAt] === FUNCTION) functions.set(name, index);
    at = next;
  }
  return functions;
}

/** How many functions are imported: they have the first indices. */
function imported(bytes, imports) {
  let functions = 0;
  if (imports === undefined) return functions;
  let [count, at] = readUnsigned(bytes, imports.start);
  for (; count > 0; count--) {
    const [, nameAt] = readName(bytes, at);
    const [, kindAt] = readName(bytes, nameAt);
    const kind = bytes[kindAt];
    if (kind === FUNCTION) functions += 1;
    at = afterType(bytes, kind, kindAt + 1);
  }
  return functions;
}

/** Where the type of an import ends. */
function afterType(bytes, kind, at) {
  if (kind === FUNCTION) return readUnsigned(bytes, at)[1];
  if (kind === GLOBAL) return at + 2;
  if (kind !== TABLE && kind !== MEMORY) throw new Error(`the engine imports something of kind ${kind}`);
  const limitsAt = kind === TABLE ? at + 1 : at;
  const [, least] = readUnsigned(bytes, limitsAt + 1);
  return bytes[limitsAt] & 1 ? readUnsigned(bytes, least)[1] : least;
}

/** Where the body of the code section's so manieth function lies, its size included. */
function bodyAt(bytes, code, index) {
  let [, at] = readUnsigned(bytes, code.start);
  for (; ; index--) {
    const [size, start] = readUnsigned(bytes, at);
    if (index === 0) return { start: at, end: start + size };
    at = start + size;
  }
}

/** `(param $call i32) (param $value i64)`, in instructions. */
function bodyOf(functions) {
  const call = (name) => {
    if (!functions.has(name)) throw absent(name);
    return [0x10, ...unsigned(functions.get(name))];
  };
  const i32 = (value) => [0x41, ...signed(value)];
  const i64 = (value) => [0x42, ...signed(value)];
  const get = (local) => [0x20, local];
  const set = (local) => [0x21, local];
  const tee = (local) => [0x22, local];
  const [CALL, VALUE, TEXT, AT] = [0, 1, 2, 3];
  const code = [
    // Two more locals of type i32.
    1, 2, 0x7f,
    // if (value >> 53 == 0) return push_f64(call, value as f64)
    ...get(VALUE), ...i64(53), 0x88, 0x50, 0x04, 0x40,
    ...get(CALL), ...get(VALUE), 0xba, ...call('wit_dylib_push_f64'), 0x0f, 0x0b,
    // text = realloc(0, 0, align 1, 16); at = 16
    ...i32(0), ...i32(0), ...i32(1), ...i32(16), ...call('cabi_realloc'), ...set(TEXT), ...i32(16), ...set(AT),
    // do { at -= 1; text[at] = 'a' + (value & 15); value >>= 4 } while (at != 0)
    0x03, 0x40,
    ...get(TEXT), ...get(AT), ...i32(1), 0x6b, ...tee(AT), 0x6a,
    ...get(VALUE), ...i64(15), 0x83, 0xa7, ...i32(97), 0x6a, 0x3a, 0, 0,
    ...get(VALUE), ...i64(4), 0x88, ...set(VALUE),
    ...get(AT), 0x0d, 0,
    0x0b,
    // The text is the callee's from now on.
    ...get(CALL), ...get(TEXT), ...i32(16), ...call('wit_dylib_push_string'),
    0x0b,
  ];
  return Uint8Array.of(...unsigned(code.length), ...code);
}
