import assert from 'node:assert/strict';
import { test } from 'node:test';
import { producers } from '../build/producers.js';
import { exact } from '../build/u64.js';
import { section, sections } from '../build/wasm.js';
import { u64 } from '../src/host/u64.js';

const [I32, I64, F64] = [0x7f, 0x7e, 0x7c];
const name = (text) => [text.length, ...Buffer.from(text)];
const module_ = (...all) => Buffer.concat([Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), ...all.flat()]);

/** The bindings' functions as the engine exports them: push_u64 has a body that does nothing. */
function engine({ exported = 'wit_dylib_push_u64' } = {}) {
  const types = [
    [0x60, 2, I32, I64, 0],
    [0x60, 2, I32, F64, 0],
    [0x60, 3, I32, I32, I32, 0],
    [0x60, 4, I32, I32, I32, I32, 1, I32],
  ];
  const imports = [
    ['double', 0, 1],
    ['text', 0, 2],
    ['memory', 2, 0, 1],
  ].map(([text, ...kind]) => [...name('host'), ...name(text), ...kind]);
  const exports = [
    ['wit_dylib_push_f64', 0],
    ['wit_dylib_push_string', 1],
    ['cabi_realloc', 2],
    [exported, 3],
  ];
  return module_(
    section(1, Uint8Array.of(types.length, ...types.flat())),
    section(2, Uint8Array.of(imports.length, ...imports.flat())),
    section(3, Uint8Array.of(2, 3, 0)),
    section(7, Uint8Array.of(exports.length, ...exports.flatMap(([text, index]) => [...name(text), 0, index]))),
    section(10, Uint8Array.of(2, 5, 0, 0x41, 0xc0, 0, 0x0b, 2, 0, 0x0b)),
  );
}

/** A component with another one inside, and in that the engine. */
function component(inner) {
  const header = Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0);
  const padding = section(0, Uint8Array.of(...name('padding')));
  const within = Buffer.concat([header, ...padding, ...section(1, module_()), ...section(1, inner), ...padding]);
  return Buffer.concat([header, ...padding, ...section(4, within), ...padding]);
}

/** What JavaScript is given for a number. */
function given(bytes) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  let value;
  const double = (_, number) => {
    value = number;
  };
  const text = (_, at, length) => {
    value = Buffer.from(memory.buffer, at, length).toString();
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: { double, text, memory } });
  return (number) => {
    exports.wit_dylib_push_u64(0, number);
    return value;
  };
}

test('numbers of 64 bits come through whole', () => {
  const built = exact(component(engine()));
  const within = sections(built, 8, built.length).find(({ id }) => id === 4);
  const { start, end } = sections(built, within.start + 8, within.end).findLast(({ id }) => id === 1);
  const give = given(built.subarray(start, end));
  for (const number of [
    0n,
    1n,
    1_700_000_000_000n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n,
    0x0123_4567_89ab_cdefn,
    2n ** 64n - 1n,
  ]) {
    const value = give(BigInt.asIntN(64, number));
    assert.equal(typeof value, number < 2n ** 53n ? 'number' : 'string');
    assert.equal(u64(value), number);
  }
});

test('other bindings give a BigInt or a number', () => {
  assert.deepEqual([u64(5), u64(2n ** 64n - 1n), u64(-1)], [5n, 2n ** 64n - 1n, 2n ** 64n - 1n]);
});

test('a component says how it was made', () => {
  const made = { language: { JavaScript: '' }, 'processed-by': { tool: '1.2' } };
  const module = new WebAssembly.Module(Buffer.concat([module_(), producers(made)]));
  const [contents] = WebAssembly.Module.customSections(module, 'producers');
  assert.equal(
    Buffer.from(contents).toString('latin1'),
    '\x02\x08language\x01\x0aJavaScript\x00\x0cprocessed-by\x01\x04tool\x031.2',
  );
});

test('another engine is told', () => {
  assert.throws(() => exact(component(engine({ exported: 'push_u64' }))), /the engine has no wit_dylib_push_u64/);
});
