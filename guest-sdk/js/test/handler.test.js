import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commit, config, emit, handler, once, Refused, Reject, reject, Retry, retry, seen } from '@oncegate/sdk';
import { Host, message, text } from '@oncegate/sdk/testing';

/** What a delivery of an empty message to this function gives. */
function ended(work, host = new Host()) {
  return host.deliver(handler(work), message(''));
}

test('each error of the SDK is what it says', () => {
  const cases = [
    [() => retry('later'), 'retry', 'later'],
    [() => reject('never'), 'reject', 'never'],
    [
      () => {
        throw new Retry('later');
      },
      'retry',
      'later',
    ],
    [
      () => {
        throw new (class Mine extends Reject {})('never');
      },
      'reject',
      'never',
    ],
    [
      () => {
        throw new Refused('unavailable', 'down');
      },
      'retry',
      'store unavailable: down',
    ],
    [() => commit('k'), 'reject', 'commit of a key that this invocation has not claimed'],
    [() => emit('', 1), 'reject', 'output refused: the topic is empty'],
    [
      () => emit('t', 1, { headers: { 'Oncegate-x': '' } }),
      'reject',
      "output refused: header names that begin with oncegate- are the host's",
    ],
    [() => message('{').payload && seen('\ud800'), 'reject', 'invalid key: it holds half of a surrogate pair'],
    [() => emit('\udc00', 1), 'reject', 'output refused: the topic holds half of a surrogate pair'],
  ];
  for (const [work, end, reason] of cases) {
    const delivery = ended(work);
    assert.deepEqual([delivery.end, delivery.reason, delivery.log], [end, reason, []]);
  }
});

test('any other error is a retry with its own text, and its place is logged', () => {
  const cases = [
    [() => null.x, /^TypeError: Cannot read/],
    [
      () => {
        throw new (class Odd extends Error {
          name = 'Odd';
        })('m');
      },
      /^Odd: m$/,
    ],
    [
      () => {
        throw 'a text';
      },
      /^a text$/,
    ],
    [
      () => {
        throw { code: 5 };
      },
      /^\{ code: 5 \}$/,
    ],
    [
      () => {
        throw undefined;
      },
      /^undefined$/,
    ],
    [
      () => {
        throw null;
      },
      /^null, /,
    ],
    [
      () => {
        throw {
          get stack() {
            throw 1;
          },
          toString: null,
        };
      },
      /./,
    ],
    [() => seen(7), /^TypeError: a key is a string, not number$/],
    [() => once('k', () => 5), /^TypeError: bytes are a Uint8Array or an ArrayBuffer, not number$/],
    [() => emit('t', undefined), /^TypeError: a payload is bytes or what has JSON, not undefined$/],
    [() => emit('t', 1, { key: 5 }), /^TypeError: the key of an output is a string, not number$/],
    [() => config(), /^TypeError: the name of a value is a string, not undefined$/],
  ];
  for (const [work, reason] of cases) {
    const delivery = ended(work);
    assert.equal(delivery.end, 'retry', delivery.reason);
    assert.match(delivery.reason, reason);
    assert.equal(delivery.log.length, 1);
    assert.deepEqual([delivery.log[0][0], delivery.log[0][1].startsWith(delivery.reason)], ['error', true]);
  }
  assert.match(ended(() => null.x).log[0][1], /^TypeError: .* at .*handler\.test\.js:\d+:\d+/);
});

test('an asynchronous handler is refused', () => {
  assert.throws(() => handler(async () => {}), /this handler is asynchronous/);
  assert.throws(() => handler(), /handler\(\) takes a function, not undefined/);
  assert.match(ended(() => Promise.resolve()).reason, /^TypeError: this handler is asynchronous/);
  const within = ended(() => void once('k', async () => 'receipt'));
  assert.match(within.reason, /^TypeError: the work of once\(\) is asynchronous/);
});

test('work is done once, and every delivery gets its receipt', () => {
  const host = new Host();
  const receipts = [];
  const work = ({ payload }) => {
    const done = once('k', () => {
      emit('t', payload, {
        key: 'p',
        headers: [
          ['n', 'v'],
          ['n', Uint8Array.of(0xff)],
        ],
      });
      return 'receipt é';
    });
    receipts.push([done.first, text(done.receipt)]);
  };
  for (const _ of [1, 2]) assert.equal(host.deliver(work, message('payload')).end, 'applied');
  assert.deepEqual(receipts, [
    [true, 'receipt é'],
    [false, 'receipt é'],
  ]);
  const [{ topic, key, headers, ...output }, ...others] = host.outputs;
  assert.deepEqual([topic, key, others], ['t', 'p', []]);
  assert.deepEqual(
    headers.map(({ name, value }) => [name, ...value]),
    [
      ['n', 0x76],
      ['n', 0xff],
    ],
  );
  assert.deepEqual(output.payload, message('payload').payload);
});

test('what is emitted is bytes or JSON', () => {
  const host = new Host({ outputs: 'free' });
  host.deliver(() => {
    emit('t', 'text');
    emit('t', { big: 2n ** 64n - 1n, list: [null] });
    emit('t', new Uint16Array([1, 2]).subarray(1));
    emit('t', new Uint8Array([7]).buffer);
  }, message(''));
  assert.deepEqual(
    host.outputs.slice(0, 2).map((output) => output.text()),
    ['"text"', '{"big":18446744073709551615,"list":[null]}'],
  );
  assert.deepEqual(
    host.outputs.slice(2).map(({ payload }) => [...payload]),
    [[2, 0], [7]],
  );
  assert.equal(host.outputs[1].json().big, 2n ** 64n - 1n);
  const cyclic = {};
  cyclic.self = cyclic;
  assert.equal(ended(() => emit('t', cyclic)).end, 'reject');
});

test('a message has what it was given', () => {
  let seenAs;
  const given = message(
    { a: 2n ** 60n },
    { id: 'i', topic: 't', key: 'k', headers: { h: 'v' }, attempt: 2 ** 32 - 1, publishedMs: 2n ** 64n - 1n },
  );
  new Host().deliver((delivered) => {
    seenAs = [
      delivered.id,
      delivered.topic,
      delivered.key,
      delivered.attempt,
      delivered.publishedMs,
      delivered.json(),
      text(delivered.header('h')),
      delivered.header('H'),
    ];
    delivered.payload.fill(0);
  }, given);
  assert.deepEqual(seenAs, ['i', 't', 'k', 2 ** 32 - 1, 2n ** 64n - 1n, { a: 2n ** 60n }, 'v', undefined]);
  assert.equal(text(given.payload), '{"a":1152921504606846976}');
});

test('a payload that is no JSON is rejected, and what is no fault of it is not', () => {
  const host = new Host();
  const of = (payload) => host.deliver((delivered) => void delivered.json(), message(payload));
  assert.deepEqual([of('{').end, of(Uint8Array.of(0xff)).reason], ['reject', 'payload: it is not UTF-8']);
  assert.match(of('').reason, /^payload: Unexpected end of JSON input/);
  assert.equal(of('['.repeat(1000)).reason, 'payload: nested deeper than 128 levels');
});

test("the console and the configuration of a delivery are its host's", () => {
  const host = new Host({ config: { greeting: 'hello' } });
  const outer = console;
  const delivery = host.deliver(() => console.warn('%s %o', config('greeting'), { a: 1 }, config('none')), message(''));
  assert.deepEqual(delivery.log, [['warn', 'hello { a: 1 } undefined']]);
  assert.equal(console, outer);
});

test('outside of a delivery there is no host', () => {
  assert.throws(() => seen('k'), /seen\(\) outside of a delivery/);
  assert.throws(() => config('k'), /config\(\) outside of a delivery/);
});

test('state that is planted is what a handler is told', () => {
  const host = new Host();
  host.committed('done', { receipt: 'r' });
  host.committed('other', { payload: 'another payload' });
  host.inFlight('held', 2n ** 64n - 1n);
  host.dead('dead', 'why');
  const told = (key) => {
    let sighting;
    const { end } = host.deliver(() => {
      sighting = seen(key);
    }, message(''));
    return [end, sighting];
  };
  assert.deepEqual(told('done'), ['applied', { tag: 'duplicate', receipt: new TextEncoder().encode('r') }]);
  assert.deepEqual(told('held'), ['deferred', { tag: 'in-flight', leftMs: 2n ** 64n - 1n }]);
  assert.deepEqual(
    [told('other'), told('dead')],
    [
      ['mismatch', undefined],
      ['dead', undefined],
    ],
  );
  host.forget('held');
  host.storeDown();
  assert.equal(told('held')[0], 'deferred');
  host.storeDown(false);
  assert.deepEqual(told('held'), ['applied', { tag: 'new' }]);
});

test('a key that was claimed by a delivery that is given up is dead', () => {
  const host = new Host();
  host.deliver(() => once('k', () => reject('no')), message(''));
  for (const id of ['test:0', 'test:1']) {
    const { end, reason } = host.deliver(() => once('k', () => {}), message('', { id }));
    assert.deepEqual([end, reason], ['dead', 'the key was given up earlier: rejected: no']);
  }
  host.forget('k');
  const bare = () => {
    seen('k');
    emit('t', 1);
  };
  const why = 'output 1 to topic t: its key was not committed';
  assert.deepEqual(
    [ended(bare, host).end, ended(bare, host).reason],
    ['effect-without-commit', `the key was given up earlier: effect without commit: ${why}`],
  );
});
