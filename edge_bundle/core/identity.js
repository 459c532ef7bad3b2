/** Who a visitor is: a random device, and a user only where the shop's own origin said so. */

import { memo } from "./memo.js";
import { fromBase64, randomText, toBase64 } from "./platform.js";

/** @typedef {import("./platform.js").Platform} Platform */
/** @typedef {import("./config.js").Config} Config */

const decoder = new TextDecoder();

/** Signatures and keys already computed by this isolate, by cookie or identifier. */
/** @type {(key: string, make: () => any) => any} */
const remember = memo(2000);

/** @param {Platform} platform @returns {string} 132 random bits */
export function newDevice(platform) {
  return randomText(platform, 22);
}

/** @param {string|undefined} cookie @returns {string|null} */
export function readDevice(cookie) {
  return cookie && /^[A-Za-z0-9_-]{22}$/.test(cookie) ? cookie : null;
}

/**
 * Return the user that a genuine fs_u cookie names, or null.
 * @param {Config} config
 * @param {string|undefined} cookie
 * @returns {string|null}
 */
export function readUser(config, cookie) {
  if (!cookie || !config.cookieKey) return null;
  return remember(`u ${cookie}`, () => {
    const match = /^(1\.([A-Za-z0-9_-]{1,344}))\.([A-Za-z0-9_-]{22})$/.exec(cookie);
    if (!match || !same(signature(config, match[1]), match[3])) return null;
    return decoder.decode(fromBase64(match[2]));
  });
}

/**
 * Return a visitor key as the tables hold it, or null when its secret is not known.
 * @param {Config} config
 * @param {string} keyId
 * @param {string} identifier `u:<user>` or `a:<device>`
 * @returns {{high: number, low: number}|null}
 */
export function visitorKey(config, keyId, identifier) {
  const secret = config.visitorKeys.get(keyId);
  return secret ? remember(`${keyId} ${identifier}`, () => keyOf(secret.sign(identifier))) : null;
}

/** @param {Uint8Array} mac */
function keyOf(mac) {
  return {
    high: ((mac[0] << 24) | (mac[1] << 16) | (mac[2] << 8) | mac[3]) >>> 0,
    low: (mac[4] << 8) | mac[5],
  };
}

/** @param {Config} config @param {string} payload */
export function signature({ cookieKey, shop, environment }, payload) {
  const mac = /** @type {import("./hmac.js").Hmac} */ (cookieKey).sign(
    `fs_u\0${shop}\0${environment}\0${payload}`,
  );
  return toBase64(mac.subarray(0, 16));
}

/** Compare in time that does not depend on where texts differ. @param {string} a @param {string} b */
export function same(a, b) {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
