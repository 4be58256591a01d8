// structuredClone, for an engine that has none.

/** A deep copy: plain objects, arrays, maps, sets, dates, errors, expressions, buffers and their views; cycles, too. */
export function structuredClone(value) {
  return copy(value, new Map());
}

function copy(value, done) {
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new TypeError(`a ${typeof value} cannot be cloned`);
  }
  if (typeof value !== 'object' || value === null) return value;
  if (done.has(value)) return done.get(value);
  const made = empty(value, done);
  done.set(value, made);
  if (value instanceof Map) value.forEach((member, key) => made.set(copy(key, done), copy(member, done)));
  else if (value instanceof Set) value.forEach((member) => made.add(copy(member, done)));
  else if (!isOpaque(value)) for (const name of Object.keys(value)) made[name] = copy(value[name], done);
  return made;
}

/** A value of the same kind, with nothing in it that could lead back to it. */
function empty(value, done) {
  if (Array.isArray(value)) return new Array(value.length);
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  if (value instanceof Date) return new Date(value);
  if (value instanceof RegExp) return new RegExp(value.source, value.flags);
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (ArrayBuffer.isView(value)) {
    return new value.constructor(copy(value.buffer, done), value.byteOffset, value.length ?? value.byteLength);
  }
  if (value instanceof Error) return Object.assign(new value.constructor(value.message), { stack: value.stack });
  return BOXED.some((kind) => value instanceof kind) ? Object(value.valueOf()) : {};
}

const BOXED = [Boolean, Number, String, BigInt];

/** Whether a value has no members of its own that need a copy. */
function isOpaque(value) {
  return ArrayBuffer.isView(value) || [ArrayBuffer, Date, RegExp, ...BOXED].some((kind) => value instanceof kind);
}
