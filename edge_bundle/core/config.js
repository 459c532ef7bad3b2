/** The worker's variables and secrets, read once per isolate; those that fragments do without in extras/settings.js. */

import { Hmac } from "./hmac.js";
import { fromBase64 } from "./platform.js";

/**
 * @typedef {object} Config
 * @property {string} shop
 * @property {string} environment
 * @property {string} prefix
 * @property {Uint8Array[]} releaseKeys
 * @property {Uint8Array[]} headKeys
 * @property {number} minCounter
 * @property {number} headSeconds how old the last look at the head may be
 * @property {number} headWaitMs how long a decision waits for a newer look, with a release to go on
 * @property {number} readMs how long one read may take before a decision goes on without it
 * @property {Map<string, Hmac>} visitorKeys by key id
 * @property {Hmac|null} cookieKey
 */

/** @param {Record<string, any>} env @returns {Config} */
export function readConfig(env) {
  return {
    shop: env.SHOP ?? "",
    environment: env.ENVIRONMENT ?? "",
    prefix: env.PREFIX ?? "/_fs",
    releaseKeys: list(env.RELEASE_KEYS).map(fromBase64),
    headKeys: list(env.HEAD_KEYS).map(fromBase64),
    minCounter: Number(env.MIN_COUNTER ?? 0),
    headSeconds: Number(env.HEAD_SECONDS ?? 60),
    headWaitMs: Number(env.HEAD_WAIT_MS ?? 50),
    readMs: Number(env.READ_MS ?? 400),
    visitorKeys: new Map(list(env.VISITOR_KEYS).map(keyPair)),
    cookieKey: env.COOKIE_KEY ? new Hmac(fromBase64(env.COOKIE_KEY)) : null,
  };
}

/** @param {string|undefined} text @returns {string[]} */
export function list(text) {
  return (text ?? "").split(",").map((part) => part.trim()).filter(Boolean);
}

/** @param {string} pair "id:base64" @returns {[string, Hmac]} */
function keyPair(pair) {
  const colon = pair.indexOf(":");
  return [pair.slice(0, colon), new Hmac(fromBase64(pair.slice(colon + 1)))];
}
