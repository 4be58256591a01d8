// Unsigned numbers of 64 bits, exactly.

/** How the build tool's bindings give a number that a double cannot hold, see build/u64.js: 16 digits, a is 0. */
const DIGIT_ZERO = 'a'.charCodeAt(0);

/** The BigInt of what the bindings give: BigInt or number, or text where a number would be inexact. */
export function u64(value) {
  if (typeof value !== 'string') return BigInt.asUintN(64, BigInt(value));
  let digits = '0x';
  for (const digit of value) digits += (digit.charCodeAt(0) - DIGIT_ZERO).toString(16);
  return BigInt(digits);
}
