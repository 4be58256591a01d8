// Bytes as the cases write them.

/** More than so many are shown by their hash. */
const SHOWN_BYTES = 48;

/** A text, or one that is repeated. */
export function text(given) {
  return typeof given === 'string' ? given : given.repeat[0].repeat(given.repeat[1]);
}

/** The bytes of base64, or of base64 that is repeated. */
export function bytes(given) {
  if (typeof given === 'string') return Uint8Array.from(atob(given), (character) => character.charCodeAt(0));
  const [piece, times] = [bytes(given.repeat[0]), given.repeat[1]];
  const all = new Uint8Array(piece.length * times);
  for (let at = 0; at < all.length; at += piece.length) all.set(piece, at);
  return all;
}

/** Bytes in a result. */
export function shown(given) {
  if (given.length > SHOWN_BYTES) return { length: given.length, fnv1a: fnv1a(given) };
  return btoa(String.fromCharCode(...given));
}

function fnv1a(given) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < given.length; at++) hash = Math.imul(hash ^ given[at], 0x01000193);
  return hash >>> 0;
}
