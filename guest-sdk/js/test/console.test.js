import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consoleOf } from '../src/console.js';
import { format, inspect } from '../src/inspect.js';

test('each method has its level', () => {
  const lines = [];
  const console = consoleOf((level, text) => lines.push(`${level} ${text}`));
  for (const method of ['trace', 'debug', 'log', 'info', 'warn', 'error', 'dir']) console[method](1);
  console.assert(true, 'not written');
  console.assert(false, 'of', 3);
  assert.deepEqual(lines, [
    'trace 1',
    'debug 1',
    'info 1',
    'info 1',
    'warn 1',
    'error 1',
    'info 1',
    'error Assertion failed: of 3',
  ]);
});

test('a pattern is filled as node fills it', () => {
  const cases = [
    [['100%s %d'], '100%s %d'],
    [['%s and %s', 'a'], 'a and %s'],
    [['%d%% of %s', 5, { a: 1 }, 'rest', [2]], '5% of { a: 1 } rest [ 2 ]'],
    [['%j %o %i %f %cx', { a: 'b' }, [1], '7.9', '1.5', 'css'], '{"a":"b"} [ 1 ] 7 1.5 x'],
    [['%d', 5n], '5n'],
    [[], ''],
    [['', 'x'], ' x'],
    [[1, 'two', null, undefined], '1 two null undefined'],
    [['lone \ud800'], 'lone \ud800'],
  ];
  for (const [values, expected] of cases) assert.equal(format(values), expected);
});

test('values are shown on one line', () => {
  class Point {
    constructor() {
      this.x = 1;
    }
  }
  const cyclic = { name: 'c' };
  cyclic.self = cyclic;
  const cases = [
    ["it's", `"it's"`],
    ['a\nb', "'a\\nb'"],
    [{ a: { b: { c: { d: 1 } } } }, '{ a: { b: { c: [Object] } } }'],
    [{ 'a-b': 1n, [Symbol('s')]: -0 }, "{ 'a-b': 1n, [Symbol(s)]: -0 }"],
    [[1, 'a', [], {}], "[ 1, 'a', [], {} ]"],
    [new Point(), 'Point { x: 1 }'],
    [Object.create(null), '[Object: null prototype] {}'],
    [new Map([['a', { b: 1 }]]), "Map(1) { 'a' => { b: 1 } }"],
    [new Set([1]), 'Set(1) { 1 }'],
    [Uint8Array.of(1, 2), 'Uint8Array(2) [ 1, 2 ]'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [/a/g, '/a/g'],
    [cyclic, "{ name: 'c', self: [Circular] }"],
    [function named() {}, '[Function: named]'],
    [class Named {}, '[class: Named]'],
    [
      {
        get a() {
          return 1;
        },
      },
      '{ a: [Getter] }',
    ],
    [Array(102).fill(0), `[ ${'0, '.repeat(100)}... 2 more ]`],
  ];
  for (const [value, expected] of cases) assert.equal(inspect(value), expected);
});

test('an error is shown with its place, its cause and what it carries', () => {
  const error = Object.assign(new RangeError('too far', { cause: new Error('why') }), { code: 7 });
  assert.match(
    inspect(error),
    /^RangeError: too far at .*console\.test\.js:\d+:\d+.* \{ code: 7, \[cause\]: Error: why at .* \}$/,
  );
  assert.ok(!inspect(error).includes('\n'));
});
