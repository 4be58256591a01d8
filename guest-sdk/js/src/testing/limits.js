// What the real host allows, unless its operator says otherwise.

export const LIMITS = Object.freeze({
  keys: 64,
  key_bytes: 1024,
  receipt_bytes: 65_536,
  outputs: 1000,
  output_bytes: 1_048_576,
  output_headers: 64,
  output_name_bytes: 1024,
});
