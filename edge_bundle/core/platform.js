/**
 * What the core asks of a platform; each adapter supplies one per request.
 *
 * @typedef {object} Platform
 * @property {(key: string, keepSeconds: number) => Promise<ArrayBuffer|null>} get
 *   read a value of the store, which a location may keep that long
 * @property {(key: string, text: string, keepSeconds: number) => Promise<void>} [put]
 * @property {(bytes: BufferSource) => Promise<Uint8Array>} sha256
 * @property {(key: Uint8Array, signature: Uint8Array, message: Uint8Array) => Promise<boolean>} verify Ed25519
 * @property {() => number} now epoch milliseconds
 * @property {(count: number) => Uint8Array} random
 * @property {(promise: Promise<unknown>) => void} waitUntil
 */

/**
 * Return the promise's value, or throw `late` after `ms` milliseconds.
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @returns {Promise<T>}
 */
export function within(promise, ms) {
  // Akamai has no timers: there every sub-request has a deadline of its own.
  if (!globalThis.setTimeout) return promise;
  /** @type {any} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("late")), ms);
  });
  return /** @type {Promise<T>} */ (Promise.race([promise, late])).finally(() =>
    clearTimeout(timer),
  );
}

/** @param {Uint8Array} bytes */
export function hex(bytes) {
  let out = "";
  for (const byte of bytes) out += (byte < 16 ? "0" : "") + byte.toString(16);
  return out;
}

/** @param {string} text standard or URL-safe base64 @returns {Uint8Array} */
export function fromBase64(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

/** @param {Uint8Array} bytes @returns {string} URL-safe base64 without padding */
export function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Random text not used yet: a call costs more than its bytes. */
let pool = "";
let drawn = 0;

/**
 * Return random text of six bits a letter.
 * @param {Platform} platform
 * @param {number} length
 */
export function randomText(platform, length) {
  if (drawn + length > pool.length) {
    pool = toBase64(platform.random(768));
    drawn = 0;
  }
  return pool.slice(drawn, (drawn += length));
}
