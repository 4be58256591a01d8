// The globals that a handler has besides the language's own, for `"types": ["@oncegate/sdk/globals"]`. There are no
// others: no timers, no network, no `process`.

/** Writes lines to the contract's log; `log` and `info` are the same level. */
declare var console: {
  trace(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
  dir(value: unknown): void;
  assert(holds?: unknown, ...values: unknown[]): void;
};

/** Writes text as UTF-8. */
declare class TextEncoder {
  readonly encoding: 'utf-8';
  encode(text?: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}

/** Reads UTF-8, whole texts at a time. */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: 'utf-8';
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}

/** Random numbers from the host. */
declare var crypto: {
  getRandomValues<View extends ArrayBufferView>(view: View): View;
  randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
};

/** The host's clock, in milliseconds. */
declare var performance: { now(): number };

declare function atob(base64: string): string;
declare function btoa(binary: string): string;
declare function structuredClone<T>(value: T): T;
