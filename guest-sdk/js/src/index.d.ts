/** What `message.json()` gives: JSON, with a `bigint` for each integer beyond ±(2^53 - 1). */
export type Json = null | boolean | number | bigint | string | Json[] | { [member: string]: Json };

/** Bytes, or text that is written as UTF-8. */
export type Bytes = string | Uint8Array | ArrayBuffer | ArrayBufferView;

/** One header of a message. Names may repeat; order is kept. */
export interface Header {
  readonly name: string;
  readonly value: Uint8Array;
}

/** One delivery of a message. The same message may be delivered again, here or on another host. */
export declare class Message {
  private constructor();
  /** The source's own identifier. It changes when a producer sends the same event again. */
  readonly id: string;
  /** The topic that the message was read from. */
  readonly topic: string;
  /** The producer's message key, if it set one. */
  readonly key: string | undefined;
  readonly headers: readonly Header[];
  /** The payload's exact bytes. */
  readonly payload: Uint8Array;
  /** Which delivery of this message this is, as far as the source can tell: 1 for the first one. */
  readonly attempt: number;
  /** When the message was published, in milliseconds since 1970-01-01 UTC, if the source says so. */
  readonly publishedMs: bigint | undefined;
  /**
   * The payload as JSON. An integer that a number cannot hold is a `bigint`, all other numbers are numbers.
   *
   * @throws {Reject} what cannot be read will not become readable by being delivered again
   */
  json<T = Json>(): T;
  /**
   * The payload as text.
   *
   * @throws {Reject} if it is not UTF-8
   */
  text(): string;
  /** The value of the first header of this name, compared exactly. */
  header(name: string): Uint8Array | undefined;
}

/** What a component exports: the host calls it, and so does `Host.deliver` in a test. */
export type Handle = (message: Message) => void;

/**
 * Makes of a function what a component exports as `handle`. The function is synchronous, and done when it returns.
 *
 * A `Reject` that leaves it is the contract's `reject`, a `Retry` its `retry`; a `Refused` is what its variant says.
 * Any other error is a `retry` with the error's own text, and a line of the log says where it was thrown.
 */
export declare function handler(work: (message: Message) => void): Handle;

/** How a key passed the gate. */
export interface Once {
  /** Whether the work was done by this invocation. */
  readonly first: boolean;
  /** The receipt, the same for the first delivery and for every later one; undefined if there is none. */
  readonly receipt: Uint8Array | undefined;
}

/**
 * Does the work that belongs to a key, unless it has been done: claims the key, calls `work` if the key is new, and
 * commits the key with what `work` returns as the receipt.
 *
 * The key names the business event, not the delivery. What `work` emits belongs to this key, so keys are not nested.
 *
 * @throws {Retry} if another delivery holds the key; the host uses up no attempt for it
 * @throws {Refused} what the host refused
 */
export declare function once(key: string, work: () => Bytes | null | undefined | void): Once;

/** What the host knows of a key. */
export type Sighting =
  /** This invocation holds the claim: do the work, then commit the key. */
  | { readonly tag: 'new' }
  /** The effect has happened: do nothing. */
  | { readonly tag: 'duplicate'; readonly receipt: Uint8Array | undefined }
  /** Another delivery holds the claim, for at most so long: return. */
  | { readonly tag: 'in-flight'; readonly leftMs: bigint };

/**
 * Claims a key. Of all handlers that ask for it at the same time, one is answered `new`. This is no mere look: after
 * `new`, commit the key or fail.
 *
 * @throws {Refused}
 */
export declare function seen(key: string): Sighting;

/**
 * Stages the commit of a key that was answered `new`; every later duplicate is given the receipt. A second commit of
 * the same key keeps the first receipt.
 *
 * @throws {Refused}
 */
export declare function commit(key: string, receipt?: Bytes | null): void;

/** What an output may have besides its payload. */
export interface OutputOptions {
  /** The message key, by which brokers choose a partition. */
  key?: string | null;
  /** Headers in order. Names that begin with `oncegate-` are the host's own. */
  headers?: Iterable<readonly [name: string, value: Bytes]> | { readonly [name: string]: Bytes };
}

/**
 * Stages one output: bytes as they are, any other value as JSON, in which a `bigint` is an integer. It is applied when
 * the handler returns, and belongs to the key that was most recently new.
 *
 * @throws {Refused} what the host refused
 * @throws {Reject} a value that cannot be written as JSON
 */
export declare function emit(topic: string, payload: unknown, options?: OutputOptions): void;

/** The value that the operator set under this name. It does not change during an invocation. */
export declare function config(name: string): string | undefined;

/** Another delivery may work: it is made after a back-off, and one attempt is used up. */
export declare class Retry extends Error {}

/** No delivery can work: this one goes to the dead letters with the text as the reason. */
export declare class Reject extends Error {}

/** Throws a `Retry`. */
export declare function retry(reason: string, options?: { cause?: unknown }): never;

/** Throws a `Reject`. */
export declare function reject(reason: string, options?: { cause?: unknown }): never;

/** The variants of a refusal, as the contract names them. */
export type Refusal =
  | 'invalid-key'
  | 'not-claimed'
  | 'mismatch'
  | 'dead'
  | 'too-many-keys'
  | 'receipt-too-large'
  | 'unavailable'
  | 'topic-not-allowed'
  | 'invalid'
  | 'too-many'
  | 'too-large';

/** The host refused a call. Nothing was claimed or staged by it. */
export declare class Refused extends Error {
  constructor(variant: Refusal, value?: string | number);
  readonly variant: Refusal;
  /** The variant's field: a text that says why, or a limit. */
  readonly value: string | number | undefined;
}
