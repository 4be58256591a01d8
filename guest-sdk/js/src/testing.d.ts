import type { Bytes, Handle, Header } from './index.js';

/** A message as `message` builds it, for `Host.deliver`. */
export interface TestMessage {
  id: string;
  topic: string;
  key: string | undefined;
  headers: Header[];
  payload: Uint8Array;
  attempt: number;
  publishedMs: bigint | undefined;
}

/** What a message may have besides its payload. */
export interface MessageOptions {
  id?: string;
  topic?: string;
  key?: string;
  headers?: Iterable<readonly [name: string, value: Bytes]> | { readonly [name: string]: Bytes };
  attempt?: number;
  publishedMs?: bigint;
}

/** A message: its payload is a text, bytes, or any other value as JSON. */
export declare function message(payload: unknown, options?: MessageOptions): TestMessage;

/** The text of bytes, of a receipt for example; undefined if there are none. */
export declare function text(bytes: Bytes): string;
export declare function text(bytes: Bytes | undefined): string | undefined;

/** How a delivery ended. */
export type End =
  /** The handler returned, and what it staged was applied. */
  | 'applied'
  /** A key was in flight or the store down: nothing was applied, whatever the handler did. */
  | 'deferred'
  /** The handler failed and may be called again. */
  | 'retry'
  /** The handler gave the delivery up. */
  | 'reject'
  /** A key was committed with another payload. */
  | 'mismatch'
  /** A key was given up earlier. */
  | 'dead'
  /** An output's key was not committed. */
  | 'effect-without-commit';

/** One output. */
export declare class Output {
  private constructor();
  readonly topic: string;
  readonly key: string | undefined;
  readonly headers: readonly Header[];
  readonly payload: Uint8Array;
  /** The payload as text. */
  text(): string;
  /** The payload as JSON, read as `Message.json` does. */
  json(): any;
}

/** A level of the contract's log. */
export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** What became of one delivery. */
export interface Delivery {
  readonly end: End;
  /** Why it ended so; undefined if it was applied. */
  readonly reason: string | undefined;
  /** What was emitted, if the handler returned; applied or not. */
  readonly staged: readonly Output[];
  /** The lines that it logged. */
  readonly log: readonly (readonly [Level, string])[];
}

/** What a host allows: keys of one invocation, bytes of a key, and so on. */
export interface Limits {
  keys: number;
  key_bytes: number;
  receipt_bytes: number;
  outputs: number;
  output_bytes: number;
  output_headers: number;
  output_name_bytes: number;
}

/** What a host may be made with. */
export interface HostOptions {
  /** What `config` answers. */
  config?: { readonly [name: string]: string };
  /** Limits that differ from the real host's. */
  limits?: Partial<Limits>;
  /** The topics that a handler may emit to. Default: any. */
  topics?: readonly string[];
  /** Whether an output needs its key's commit (`gated`, the default) or not. */
  outputs?: 'gated' | 'free';
}

/** A small host in memory, with the real host's rules. What a handler writes to `console` goes to its log. */
export declare class Host {
  constructor(options?: HostOptions);
  /** What it allows; may be changed at any time. */
  limits: Limits;
  /** Every output that was applied, oldest first. */
  readonly outputs: readonly Output[];
  /** Every line that was logged, oldest first. */
  readonly log: readonly (readonly [Level, string])[];
  /**
   * Hands one message to a handler, and applies what it staged if that may be applied. If it would go to the dead
   * letters, the keys that it claimed are dead from now on.
   */
  deliver(handle: Handle, message: TestMessage): Delivery;
  /** Sets what `config` answers for this name. */
  setConfig(name: string, value: string): void;
  /** Makes a key one that was committed, with any payload unless one is given. */
  committed(key: string, options?: { receipt?: Bytes | null; payload?: Bytes }): void;
  /** Makes a key one that another delivery holds, for at most this long. */
  inFlight(key: string, leftMs: number | bigint): void;
  /** Makes a key one that was given up. */
  dead(key: string, reason: string): void;
  /** Forgets a key. */
  forget(key: string): void;
  /** From now on the store does not answer, or does again. */
  storeDown(down?: boolean): void;
  /** Whether a key is committed. */
  isCommitted(key: string): boolean;
  /** The receipt of a committed key, if it has one. */
  receipt(key: string): Uint8Array | undefined;
}
