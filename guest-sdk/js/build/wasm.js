// WebAssembly's binary format, as far as it takes to exchange one function's body.

/** An unsigned LEB128 number: its value and where it ends. */
export function readUnsigned(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error('the component is cut short');
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

/** An unsigned LEB128 number. */
export function unsigned(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

/** A signed LEB128 number. */
export function signed(value) {
  const bytes = [];
  for (; value < -0x40 || value > 0x3f; value >>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value & 0x7f];
}

/** The sections of a module or component from `at` to `end`: where each begins, and its contents' `start` and `end`. */
export function sections(bytes, at, end) {
  const found = [];
  while (at < end) {
    const [size, start] = readUnsigned(bytes, at + 1);
    found.push({ id: bytes[at], header: at, start, end: start + size });
    at = start + size;
  }
  return found;
}

/** One section, with its header. */
export function section(id, ...contents) {
  const size = contents.reduce((sum, part) => sum + part.length, 0);
  return [Uint8Array.of(id, ...unsigned(size)), ...contents];
}

/** A name: its text and where it ends. */
export function readName(bytes, at) {
  const [length, start] = readUnsigned(bytes, at);
  return [bytes.toString('latin1', start, start + length), start + length];
}
