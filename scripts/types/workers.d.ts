/** What workerd has beside the web's own classes, as far as the adapters use it. */

/** Passes bytes on without a queue. */
declare class IdentityTransformStream extends TransformStream<Uint8Array, Uint8Array> {}

interface URLSearchParams {
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

interface Headers {
  [Symbol.iterator](): IterableIterator<[string, string]>;
  getSetCookie(): string[];
}
