// Text and its bytes.
//
// QuickJS has neither TextEncoder nor TextDecoder, and a loop over bytes costs it a third of a microsecond for each
// byte. Its base64 is native, so this goes through strings whose characters are bytes.

const ASCII = /^[\0-\x7f]*$/;
/** So many characters at once: an expression remembers each one that it passed, and a call takes so many arguments. */
const PIECE = 8192;
const BYTE_ORDER_MARK = '\ufeff';

const native = typeof globalThis.TextEncoder === 'function' && typeof globalThis.TextDecoder === 'function';
const nativeEncoder = native && new globalThis.TextEncoder();
const nativeDecoder = native && new globalThis.TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text's UTF-8. Half a surrogate pair becomes U+FFFD. */
export const encode = native ? (text) => nativeEncoder.encode(text) : encodeByHand;

/** The text of UTF-8 bytes, exactly; throws if they are anything else. */
export const decode = native ? (bytes) => nativeDecoder.decode(bytes) : decodeByHand;

export function encodeByHand(text) {
  return fromBinary(isAscii(text) ? text : unescape(encodeURIComponent(text.toWellFormed())));
}

export function decodeByHand(bytes) {
  const binary = toBinary(bytes);
  if (isAscii(binary)) return binary;
  try {
    return decodeURIComponent(escape(binary));
  } catch (error) {
    throw error instanceof URIError ? new TypeError('the bytes are not UTF-8') : error;
  }
}

function isAscii(text) {
  for (let at = 0; at < text.length; at += PIECE) {
    if (!ASCII.test(text.slice(at, at + PIECE))) return false;
  }
  return true;
}

/** The text of any bytes: what is not UTF-8 becomes U+FFFD, as the Encoding Standard has it. */
export function decodeLossy(bytes) {
  try {
    return decodeByHand(bytes);
  } catch (error) {
    if (error instanceof TypeError) return replaced(bytes);
    throw error;
  }
}

function replaced(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = sequence(bytes, at);
    text += length > 0 ? decodeURIComponent(escape(toBinary(bytes.subarray(at, at + length)))) : '\ufffd';
    at += Math.abs(length);
  }
  return text;
}

/** How many bytes belong to the character that begins here; negative if they are the beginning of none. */
function sequence(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return -1;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  // The second byte's range keeps out what is too long, surrogates, and what is beyond U+10FFFF.
  let low = { 0xe0: 0xa0, 0xf0: 0x90 }[first] ?? 0x80;
  let high = { 0xed: 0x9f, 0xf4: 0x8f }[first] ?? 0xbf;
  for (let next = 1; next < length; next++) {
    const byte = bytes[at + next];
    if (byte === undefined || byte < low || byte > high) return -next;
    [low, high] = [0x80, 0xbf];
  }
  return length;
}

/** The string whose characters are these bytes. */
function toBinary(bytes) {
  if (typeof bytes.toBase64 === 'function') return atob(bytes.toBase64());
  let binary = '';
  for (let at = 0; at < bytes.length; at += PIECE) {
    binary += String.fromCharCode.apply(null, bytes.subarray(at, at + PIECE));
  }
  return binary;
}

function fromBinary(binary) {
  if (typeof Uint8Array.fromBase64 === 'function') return Uint8Array.fromBase64(btoa(binary));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** The standard's encoder, for an engine that has none. */
export class TextEncoder {
  get encoding() {
    return 'utf-8';
  }

  encode(text = '') {
    return encodeByHand(String(text));
  }

  encodeInto(text, into) {
    let read = 0;
    let written = 0;
    for (const character of String(text)) {
      const bytes = encodeByHand(character);
      if (written + bytes.length > into.length) break;
      into.set(bytes, written);
      read += character.length;
      written += bytes.length;
    }
    return { read, written };
  }
}

/** The standard's decoder for UTF-8, for an engine that has none. It decodes whole texts, not streams. */
export class TextDecoder {
  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
    if (!/^\s*(unicode-1-1-utf-8|utf-?8)\s*$/i.test(label)) {
      throw new RangeError(`the encoding ${label} is not there, only utf-8`);
    }
    Object.assign(this, { fatal, ignoreBOM });
  }

  get encoding() {
    return 'utf-8';
  }

  decode(input = new Uint8Array(), { stream = false } = {}) {
    if (stream) throw new TypeError('this TextDecoder decodes whole texts, not streams');
    const bytes = viewed(input);
    const text = this.fatal ? decodeByHand(bytes) : decodeLossy(bytes);
    return !this.ignoreBOM && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  }
}

/** The bytes of a buffer or of a view of one; anything else is the caller's error. */
export function viewed(input) {
  if (input instanceof Uint8Array) return input;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  throw new TypeError(`bytes are a Uint8Array or an ArrayBuffer, not ${input === null ? 'null' : typeof input}`);
}
