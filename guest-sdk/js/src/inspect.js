// Values as a programmer wants to see them, on one line: what node's util.inspect shows, as far as it fits there.

import { places } from './stack.js';

const DEPTH = 2;
const ITEMS = 100;
const NAME = /^[A-Za-z_$][\w$]*$/;

/** The text of console.log for these values. */
export function format(values) {
  const rest = [...values];
  const texts = typeof rest[0] === 'string' && rest.length > 1 ? [substituted(rest.shift(), rest)] : [];
  return [...texts, ...rest.map((value) => (typeof value === 'string' ? value : inspect(value)))].join(' ');
}

/** Fills a pattern's places, and takes from `rest` what it used. */
function substituted(pattern, rest) {
  return pattern.replace(/%[sdifjoOc%]/g, (place) => {
    if (place === '%%') return '%';
    if (rest.length === 0) return place;
    return PLACES[place[1]](rest.shift());
  });
}

const PLACES = {
  s: (value) => (typeof value === 'string' ? value : inspect(value, 1)),
  d: (value) => (typeof value === 'bigint' ? `${value}n` : String(Number(value))),
  i: (value) => (typeof value === 'bigint' ? `${value}n` : String(parseInt(value, 10))),
  f: (value) => String(parseFloat(value)),
  j: (value) => JSON.stringify(value),
  o: (value) => inspect(value),
  O: (value) => inspect(value),
  c: () => '',
};

/** One value. */
export function inspect(value, depth = DEPTH, above = []) {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'bigint':
      return `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'function':
      return `[${/^class\b/.test(Function.prototype.toString.call(value)) ? 'class' : 'Function'}${named(value.name)}]`;
    case 'object':
      return value === null ? 'null' : above.includes(value) ? '[Circular]' : object(value, depth, above);
    default:
      return String(value);
  }
}

const named = (name) => (name ? `: ${name}` : ' (anonymous)');

function quoted(text) {
  const quote = !text.includes("'") ? "'" : !text.includes('"') ? '"' : '`';
  return quote + JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"') + quote;
}

function object(value, depth, above) {
  const within = (member) => inspect(member, depth - 1, [...above, value]);
  if (value instanceof Error) return error(value, within);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Promise) return 'Promise {}';
  const name = className(value);
  if (depth < 0) return `[${name}]`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${value.byteLength}) ${list(new Uint8Array(value), within)}`;
  if (Array.isArray(value)) return (name === 'Array' ? '' : `${name}(${value.length}) `) + list(value, within);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return `${name}(${value.length}) ${list(value, within)}`;
  }
  if (value instanceof Map) return `${name}(${value.size}) ${braced(entries(value, within))}`;
  if (value instanceof Set) return `${name}(${value.size}) ${braced(some(value, value.size, within))}`;
  return (name === 'Object' ? '' : `${name} `) + braced(members(value, within));
}

function className(value) {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null) return '[Object: null prototype]';
  return String(prototype.constructor?.name || 'Object');
}

/** The error and where it was thrown, without a line's end. */
function error(value, within) {
  const more = members(value, within).filter((member) => !/^(stack|message|name):/.test(member));
  if (value.cause !== undefined) more.push(`[cause]: ${within(value.cause)}`);
  return `${value}${places(value)}${more.length > 0 ? ` ${braced(more)}` : ''}`;
}

const braced = (texts) => (texts.length > 0 ? `{ ${texts.join(', ')} }` : '{}');

function list(values, within) {
  const texts = some(values, values.length, within);
  return texts.length > 0 ? `[ ${texts.join(', ')} ]` : '[]';
}

/** The first of many. */
function some(values, count, shownAs) {
  const texts = [];
  for (const value of values) {
    if (texts.length === ITEMS) {
      texts.push(`... ${count - ITEMS} more`);
      break;
    }
    texts.push(shownAs(value));
  }
  return texts;
}

function entries(map, within) {
  return some(map, map.size, ([key, value]) => `${within(key)} => ${within(value)}`);
}

function members(value, within) {
  const names = Reflect.ownKeys(value).filter((name) => Object.prototype.propertyIsEnumerable.call(value, name));
  return some(names, names.length, (name) => {
    const { get, value: member } = Object.getOwnPropertyDescriptor(value, name);
    const label = typeof name === 'symbol' ? `[${String(name)}]` : NAME.test(name) ? name : quoted(name);
    return `${label}: ${get ? '[Getter]' : within(member)}`;
  });
}
