/** What the core asks of EdgeWorkers. */

import { crypto } from "crypto";
import { hex } from "./core/platform.js";
import { verify } from "./ed25519.js";

/** Signatures found genuine, should this memory outlive the request: each costs milliseconds. */
const MAX_GENUINE = 20;
/** @type {Set<string>} */
const genuine = new Set();

/** @param {import("./edgekv.js").Reads} reads @returns {import("./core/platform.js").Platform} */
export function platformOf(reads) {
  return {
    get: (key) => reads.get(key),
    sha256,
    verify: verifyOnce,
    // It stands still within a request.
    now: () => Date.now(),
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
    // Nothing can be waited for once the response has ended.
    waitUntil: () => undefined,
  };
}

/** @param {BufferSource} bytes */
async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** @type {import("./core/platform.js").Platform["verify"]} */
async function verifyOnce(key, signature, message) {
  const name = hex(key) + hex(signature) + hex(await sha256(message));
  if (genuine.has(name)) return true;
  if (!(await verify(key, signature, message))) return false;
  if (genuine.size >= MAX_GENUINE) genuine.clear();
  genuine.add(name);
  return true;
}
