/** The worker's variables and secrets, read once per isolate. */

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
 * @property {number} slotMs how long a slot may hold back the rest of its page
 * @property {string[]} slotTags names of elements that may be slots
 * @property {Map<number, number>} [kinds] of elements, those of slots among them: made by the first page
 * @property {string[]} include
 * @property {string[]} exclude
 * @property {string} collectUrl
 * @property {boolean} trustLoopback
 * @property {string} apiToken
 * @property {Map<string, Hmac>} visitorKeys by key id
 * @property {Hmac|null} cookieKey
 * @property {any} localApis addresses of the local CDN APIs, on a laptop
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
    slotMs: Number(env.SLOT_MS ?? 500),
    slotTags: list(env.SLOT_TAGS),
    include: list(env.INCLUDE),
    exclude: list(env.EXCLUDE),
    collectUrl: env.COLLECT_URL ?? "",
    trustLoopback: env.TRUST_LOOPBACK === "1",
    apiToken: env.API_TOKEN ?? "",
    visitorKeys: new Map(list(env.VISITOR_KEYS).map(keyPair)),
    cookieKey: env.COOKIE_KEY ? new Hmac(fromBase64(env.COOKIE_KEY)) : null,
    localApis: env.LOCAL_APIS ? JSON.parse(env.LOCAL_APIS) : null,
  };
}

/** @param {string|undefined} text @returns {string[]} */
function list(text) {
  return (text ?? "").split(",").map((part) => part.trim()).filter(Boolean);
}

/** @param {string} pair "id:base64" @returns {[string, Hmac]} */
function keyPair(pair) {
  const colon = pair.indexOf(":");
  return [pair.slice(0, colon), new Hmac(fromBase64(pair.slice(colon + 1)))];
}
