/** EdgeWorkers' `crypto`: the algorithms and functions that its documentation names. */

import { native } from "./host.js";

const DIGESTS = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];
const ALGORITHMS = [
  "HMAC", "ECDSA", "RSASSA-PKCS1-v1_5", "RSA-PSS", "RSA-OAEP", "AES-CTR", "AES-CBC", "AES-GCM",
];
const { subtle } = native.crypto;

/** @param {any} algorithm @param {string[]} known */
function check(algorithm, known) {
  const name = typeof algorithm === "string" ? algorithm : algorithm?.name;
  if (!known.includes(name)) throw new TypeError(`${name} is not supported`);
}

/** @param {string} name */
function keyed(name) {
  return async (/** @type {any} */ algorithm, /** @type {any[]} */ ...rest) => {
    check(algorithm, ALGORITHMS);
    return /** @type {any} */ (subtle)[name](algorithm, ...rest);
  };
}

export const crypto = Object.freeze({
  subtle: Object.freeze({
    importKey: async (/** @type {any} */ format, /** @type {any} */ data, /** @type {any} */ algorithm, /** @type {any[]} */ ...rest) => {
      check(algorithm, ALGORITHMS);
      return /** @type {any} */ (subtle).importKey(format, data, algorithm, ...rest);
    },
    encrypt: keyed("encrypt"),
    decrypt: keyed("decrypt"),
    sign: keyed("sign"),
    verify: keyed("verify"),
    digest: async (/** @type {any} */ algorithm, /** @type {any} */ data) => {
      check(algorithm, DIGESTS);
      return subtle.digest(algorithm, data);
    },
  }),
  getRandomValues: (/** @type {any} */ array) => native.crypto.getRandomValues(array),
});

/** @param {string} pem */
export function pem2ab(pem) {
  const text = native.atob(pem.replace(/-----[A-Z ]+-----|\s/g, ""));
  return Uint8Array.from(text, (sign) => sign.charCodeAt(0)).buffer;
}
