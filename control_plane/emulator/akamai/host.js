/**
 * The ground under the built-in modules: what workerd has and EdgeWorkers has not is kept here
 * and taken from everyone else. Imported before the bundle is.
 */

import { AsyncLocalStorage } from "node:async_hooks";

const {
  AbortController, HTMLRewriter, ReadableStream, Request, Response, TextDecoder, TextDecoderStream,
  TextEncoder, TextEncoderStream, TransformStream, URL, URLSearchParams, WritableStream,
  ByteLengthQueuingStrategy, CountQueuingStrategy, console, crypto,
} = globalThis;
const [atob, btoa, clearTimeout, fetch, setTimeout] = [
  "atob", "btoa", "clearTimeout", "fetch", "setTimeout",
].map((name) => /** @type {any} */ (globalThis)[name].bind(globalThis));

export const native = {
  AbortController, HTMLRewriter, ReadableStream, Request, Response, TextDecoder, TextDecoderStream,
  TextEncoder, TextEncoderStream, TransformStream, URL, URLSearchParams, WritableStream,
  ByteLengthQueuingStrategy, CountQueuingStrategy, atob, btoa, clearTimeout, console, crypto,
  fetch, now: Date.now, setTimeout,
};

/**
 * What ECMAScript itself defines, without what the platform removes: code from strings, shared
 * memory, WebAssembly.
 */
const LANGUAGE = new Set(
  ("AggregateError Array ArrayBuffer BigInt BigInt64Array BigUint64Array Boolean DataView Date " +
    "Error EvalError FinalizationRegistry Float32Array Float64Array Function Infinity Int16Array " +
    "Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError " +
    "ReferenceError Reflect RegExp Set String Symbol SyntaxError TypeError URIError Uint16Array " +
    "Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet decodeURI " +
    "decodeURIComponent encodeURI encodeURIComponent escape globalThis isFinite isNaN parseFloat " +
    "parseInt undefined unescape").split(" "),
);

/** @typedef {{env: any, startedAt: number, url: URL, asked: number, underWay: number}} Running */

/** @type {AsyncLocalStorage} the request that code runs for */
const requests = new AsyncLocalStorage();
/** @type {number} when the last event handler began */
let lastStart = 0;

/** @param {Running} running @param {() => any} work */
export function runFor(running, work) {
  lastStart = running.startedAt;
  return requests.run(running, work);
}

/** @returns {Running} */
export function current() {
  const running = requests.getStore();
  if (!running) throw new Error("called outside of an event handler");
  return running;
}

/** Let a callback run for the request that made it, whoever calls it. @param {any} callback */
export function bound(callback) {
  return typeof callback === "function" ? AsyncLocalStorage.bind(callback) : callback;
}

forbid();
stopTheClock();

function forbid() {
  for (let place = globalThis; place && place !== Object.prototype; place = Object.getPrototypeOf(place)) {
    for (const name of Object.getOwnPropertyNames(place)) {
      if (!LANGUAGE.has(name) && name !== "constructor") delete place[name];
    }
  }
  const left = Object.getOwnPropertyNames(globalThis).filter((name) => !LANGUAGE.has(name));
  if (left.length) throw new Error(`cannot take away ${left}`);
}

/** Time stands still in an event handler: it is when the handler began. */
function stopTheClock() {
  const now = () => requests.getStore()?.startedAt ?? lastStart;
  const construct = (/** @type {any} */ type, /** @type {any[]} */ given) =>
    given.length ? new type(...given) : new type(now());
  globalThis.Date = new Proxy(Date, {
    construct,
    get: (type, name) => (name === "now" ? now : Reflect.get(type, name)),
  });
}
