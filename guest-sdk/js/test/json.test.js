import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, stringify } from '../src/json.js';

test('what a number holds is a number', () => {
  for (const text of [
    '0',
    '-0',
    '1.5',
    '9007199254740991',
    '-9007199254740991',
    '1e300',
    '[1,{"a":2}]',
    '"9007199254740993"',
  ]) {
    assert.deepEqual(parse(text), JSON.parse(text));
  }
});

test('an integer that a number cannot hold is a BigInt, wherever it stands', () => {
  assert.equal(parse('18446744073709551615'), 18446744073709551615n);
  assert.equal(parse('-9007199254740992'), -9007199254740992n);
  assert.deepEqual(parse(' {"a" : [ 9007199254740993 ], "b":{"9007199254740993" :"9007199254740993","c":1}} '), {
    a: [9007199254740993n],
    b: { '9007199254740993': '9007199254740993', c: 1 },
  });
  assert.deepEqual(parse('["i5","s","\\"1\\\\",123456789012345678901.5,1e30]'), [
    'i5',
    's',
    '"1\\',
    123456789012345680000.5,
    1e30,
  ]);
  assert.deepEqual(parse('["i5\\u0031","","\\\\",1234567890123456789012]'), ['i51', '', '\\', 1234567890123456789012n]);
});

test('members keep their order and their names, __proto__ too', () => {
  const value = parse('{"b":12345678901234567890,"__proto__":{"x":"y"},"a":"z"}');
  assert.deepEqual(Object.keys(value), ['b', '__proto__', 'a']);
  assert.equal(value.x, undefined);
});

test('texts that are no JSON are refused in the words of the engine', () => {
  for (const text of ['', '[', '{"a":12345678901234567890', '[] []', '01', '\ufeff1']) {
    assert.throws(() => parse(text), SyntaxError);
  }
});

test('nesting ends at 128 levels, and brackets in strings are none', () => {
  const nested = (levels) => '['.repeat(levels) + ']'.repeat(levels);
  assert.doesNotThrow(() => parse(nested(128)));
  assert.throws(() => parse(nested(129)), { name: 'SyntaxError', message: 'nested deeper than 128 levels' });
  assert.throws(() => parse('{"a":'.repeat(100_000)), { message: 'nested deeper than 128 levels' });
  assert.equal(parse(JSON.stringify('['.repeat(300))).length, 300);
  assert.equal(parse(`[${'{},'.repeat(999)}{}]`).length, 1000);
});

test('a BigInt is written as an integer, and all else as JSON.stringify does', () => {
  const date = new Date(0);
  const value = {
    big: 18446744073709551615n,
    list: [undefined, () => 0, 2n, null, -0, NaN, [], {}],
    none: undefined,
    date,
    'quoted"': 'é\ud800\u2028',
    boxed: [new Number(1), new String('s'), new Boolean(true)],
    own: { toJSON: (name) => `of ${name}` },
    map: new Map([[1, 2]]),
  };
  const small = JSON.parse(
    JSON.stringify(value, (_, member) => (typeof member === 'bigint' ? Number(member) : member)),
  );
  assert.equal(stringify(value).replace('18446744073709551615', '18446744073709552000'), JSON.stringify(small));
  assert.equal(stringify(undefined), undefined);
  assert.equal(stringify(5n), '5');
  assert.equal(stringify([Object(3n)]), '[3]');
});

test('a value that holds itself is refused', () => {
  const value = { n: 1n };
  value.value = value;
  assert.throws(() => stringify(value), TypeError);
});
