/** EdgeWorkers' `streams`: callbacks run for the request that made them. */

import { bound, native } from "./host.js";

/** @param {any} [source] */
function boundAll(source = {}) {
  const names = ["start", "pull", "cancel", "write", "close", "abort", "transform", "flush"];
  const own = names.filter((name) => source[name]);
  return { ...source, ...Object.fromEntries(own.map((name) => [name, bound(source[name].bind(source))])) };
}

export class ReadableStream extends native.ReadableStream {
  /** @param {any} [source] @param {any} [strategy] */
  constructor(source, strategy) {
    super(boundAll(source), strategy);
  }
}

export class WritableStream extends native.WritableStream {
  /** @param {any} [sink] @param {any} [strategy] */
  constructor(sink, strategy) {
    super(boundAll(sink), strategy);
  }
}

export class TransformStream extends native.TransformStream {
  /** @param {any} [transformer] @param {any[]} strategies */
  constructor(transformer, ...strategies) {
    super(boundAll(transformer), ...strategies);
  }
}

export const { ByteLengthQueuingStrategy, CountQueuingStrategy } = native;
