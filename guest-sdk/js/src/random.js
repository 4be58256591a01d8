// Random numbers from the host.
//
// The engine's own generator was seeded when the component was built: each fresh instance would draw the same numbers
// again. This one is seeded anew for each message, when the first number is asked for.

const SEED_BYTES = 16;
const BATCH_BYTES = 65536;

/** `Math.random` over `bytes(n)`, and what makes it forget its seed. */
export function generatorOf(bytes) {
  let state;
  return {
    forget() {
      state = undefined;
    },
    random() {
      state ??= seeded(bytes(SEED_BYTES));
      // 53 bits, all that a double holds below one.
      return ((next(state) >>> 5) * 0x400_0000 + (next(state) >>> 6)) / 2 ** 53;
    },
  };
}

/** Small fast counting generator (sfc32), after the rounds that mix its seed. */
function seeded(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEED_BYTES);
  const state = Int32Array.of(...[0, 4, 8].map((at) => view.getInt32(at, true)), view.getInt32(12, true) | 1);
  for (let round = 0; round < 12; round++) next(state);
  return state;
}

function next(state) {
  const [a, b, c, counter] = state;
  const drawn = (a + b + counter) | 0;
  state[3] = counter + 1;
  state[0] = b ^ (b >>> 9);
  state[1] = (c + (c << 3)) | 0;
  state[2] = ((c << 21) | (c >>> 11)) + drawn;
  return drawn >>> 0;
}

/** The part of Web Crypto that draws. */
export function cryptoOf(bytes) {
  const getRandomValues = (view) => {
    const into = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    if (into.length > BATCH_BYTES) throw new RangeError(`more than ${BATCH_BYTES} random bytes in one call`);
    into.set(bytes(into.length));
    return view;
  };
  const randomUUID = () => {
    const drawn = bytes(16);
    drawn[6] = (drawn[6] & 0x0f) | 0x40;
    drawn[8] = (drawn[8] & 0x3f) | 0x80;
    const hex = Array.from(drawn, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  };
  return { getRandomValues, randomUUID };
}
