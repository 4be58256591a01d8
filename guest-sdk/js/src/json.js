// JSON in which an integer stays what it is.
//
// A double holds integers up to 2^53 - 1 for sure. Beyond that, JSON.parse gives a neighbour without a word; here it
// is a BigInt, and a BigInt is written as an integer.

const LIMIT = Number.MAX_SAFE_INTEGER;
/** A string, with the colon if it is a member's name, or a number. In text that JSON.parse has accepted. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|-?\d[\d.eE+-]*/g;
const INTEGER = /^-?\d+$/;
/** How deeply a payload may be nested: some hundreds of levels are the end of an engine's stack, and of the instance. */
const LEVELS = 128;
const BRACKETS = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g;

/** As JSON.parse, but with a BigInt for each integer that a number cannot hold, and not beyond 128 levels. */
export function parse(text) {
  if (isTooDeep(text)) throw new SyntaxError(`nested deeper than ${LEVELS} levels`);
  const value = JSON.parse(text);
  return holdsBeyond(value) ? parseExactly(text) : value;
}

function isTooDeep(text) {
  // Most texts have too few brackets for it, and counting those is native.
  if (text.split('[').length + text.split('{').length <= LEVELS) return false;
  let level = 0;
  for (const [token] of text.matchAll(BRACKETS)) {
    if (token === '[' || token === '{') level += 1;
    else if (token === ']' || token === '}') level -= 1;
    if (level > LEVELS) return true;
  }
  return false;
}

/** Whether there is a number that may have been an integer and is one no more. */
function holdsBeyond(value) {
  if (typeof value === 'number') return value > LIMIT || value < -LIMIT;
  if (typeof value !== 'object' || value === null) return false;
  for (const name in value) {
    const member = value[name];
    if (typeof member !== 'string' && holdsBeyond(member)) return true;
  }
  return false;
}

/** Marks the integers as strings of their own kind; every other string that is a value is marked as such. */
function parseExactly(text) {
  const marked = text.replace(TOKENS, (token, colon) => {
    if (token[0] === '"') return colon === undefined ? `"s${token.slice(1)}` : token;
    return INTEGER.test(token) && !Number.isSafeInteger(Number(token)) ? `"i${token}"` : token;
  });
  return JSON.parse(marked, (_, value) => {
    if (typeof value !== 'string') return value;
    return value[0] === 'i' ? BigInt(value.slice(1)) : value.slice(1);
  });
}

/** As JSON.stringify, but a BigInt is an integer. Undefined if there is nothing to write. */
export function stringify(value) {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // It held a BigInt, or what cannot be written at all: then this says so, too.
    return write(value, '', []);
  }
}

function write(given, name, above) {
  const value = plain(given, name);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (above.includes(value)) throw new TypeError('a value that holds itself has no JSON');
  const within = [...above, value];
  if (Array.isArray(value)) {
    return `[${value.map((element, index) => write(element, String(index), within) ?? 'null')}]`;
  }
  const members = Object.keys(value).map((member) => [member, write(value[member], member, within)]);
  const written = members.filter(([, text]) => text !== undefined);
  return `{${written.map(([member, text]) => `${JSON.stringify(member)}:${text}`)}}`;
}

/** What stands for a value, as JSON.stringify has it. */
function plain(value, name) {
  const stands = typeof value?.toJSON === 'function' ? value.toJSON(name) : value;
  const boxed = stands instanceof Number || stands instanceof String || stands instanceof Boolean;
  return boxed || stands instanceof BigInt ? stands.valueOf() : stands;
}
