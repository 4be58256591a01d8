import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeByHand, decodeLossy, encodeByHand, TextDecoder, TextEncoder } from '../src/utf8.js';

const TEXTS = [
  '',
  'ascii',
  'größe',
  '漢字 😀',
  '\0\x7f\x80ÿĀ',
  '\ufeffmark',
  'x'.repeat(20_000),
  `${'x'.repeat(9000)}é`,
];

test('texts become the bytes that they have everywhere, and come back', () => {
  const standard = new globalThis.TextEncoder();
  for (const text of TEXTS) {
    assert.deepEqual(encodeByHand(text), standard.encode(text));
    assert.equal(decodeByHand(encodeByHand(text)), text);
  }
  assert.deepEqual(encodeByHand('a\ud800b'), standard.encode('a\ud800b'));
});

test('what is not UTF-8 is refused, or replaced as the standard has it', () => {
  const lossy = new globalThis.TextDecoder('utf-8', { ignoreBOM: true });
  const hex = [
    'ff',
    'c328',
    'eda088',
    'c080',
    'e28228',
    'f0908c',
    'f4908080',
    '61c3',
    'e282ace2',
    'f888808080',
    '80bf',
    'f09f98f09f9880',
  ];
  for (const bytes of hex.map((text) => Uint8Array.from(Buffer.from(text, 'hex')))) {
    assert.throws(() => decodeByHand(bytes), TypeError);
    assert.equal(decodeLossy(bytes), lossy.decode(bytes));
  }
});

test('every pair of bytes and many threes decode as the standard has it', () => {
  const lossy = new globalThis.TextDecoder('utf-8', { ignoreBOM: true });
  const ends = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff];
  for (let first = 0x80; first < 0x100; first++) {
    for (const second of ends) {
      for (const third of ends) {
        const bytes = Uint8Array.of(first, second, third, 0x80);
        assert.equal(decodeLossy(bytes), lossy.decode(bytes), Buffer.from(bytes).toString('hex'));
      }
    }
  }
});

test('the encoder and the decoder are the standard ones, for UTF-8', () => {
  const into = new Uint8Array(4);
  assert.deepEqual(new TextEncoder().encodeInto('é€x', into), { read: 1, written: 2 });
  assert.deepEqual(new TextEncoder().encode(), new Uint8Array());
  assert.equal(new TextDecoder().decode(encodeByHand('\ufeffé').buffer), 'é');
  assert.equal(new TextDecoder('UTF-8', { ignoreBOM: true }).decode(encodeByHand('\ufeffé')), '\ufeffé');
  assert.equal(new TextDecoder().decode(Uint8Array.of(0xff)), '\ufffd');
  assert.throws(() => new TextDecoder('utf8', { fatal: true }).decode(Uint8Array.of(0xff)), TypeError);
  assert.throws(() => new TextDecoder('latin1'), RangeError);
  assert.throws(() => new TextDecoder().decode('text'), /not string/);
});
