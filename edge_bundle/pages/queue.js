/**
 * Delivery. An event leaves the queue when the collector has answered for it, and not before.
 *
 * Each event is one entry of the browser's storage, so that tabs cannot overwrite one another's.
 * A page sends its own; what grows old (its page is gone, or the collector was) anyone sends, one
 * at a time by a lock. Where there are no locks (plain http), or a page ends before the answer,
 * an event may travel twice: the collector knows it by its messageId.
 */

import { forget, keep, kept, prefix, spare } from "./base.js";
import { getConsent } from "./choice.js";

const ENTRY = "fs_q";
const MAX_QUEUED = 200; // storage belongs to the shop: what comes when it is full is not taken
const MAX_BATCH = 50;
const FLUSH_MS = 300;
const OLD_MS = 5000;
const SETTLE_MS = 200;
const [RETRY_MS, MAX_RETRY_MS] = [1000, 60000];

/** @type {Set<string>} entries of this page that are not under way */
const mine = new Set();
let number = 1000;
let lost = 0;
/** @type {any} */
let timer;
let sending = false;
let retryMs = RETRY_MS;
let batchSize = MAX_BATCH;

const queued = () =>
  [...new Set([...Object.keys(kept), ...Object.keys(spare)])]
    .filter((key) => key.startsWith(ENTRY)).sort();

const isOld = (/** @type {string} */ key) => Date.now() - Number(key.slice(4, 17)) > OLD_MS;

export const forgetQueue = () => queued().forEach(forget);

/** Put an event at the end; one for which there is no room is counted in the next. */
export function enqueue(/** @type {any} */ call) {
  if (queued().length >= MAX_QUEUED) {
    lost++;
    return;
  }
  if (lost) call.context.lost = lost;
  lost = 0;
  const key = `${ENTRY}${Date.now()}.${number++}.${call.messageId}`;
  mine.add(key);
  keep(key, JSON.stringify(call));
  schedule(FLUSH_MS);
}

/** @param {number} ms */
export function schedule(ms) {
  clearTimeout(timer);
  timer = setTimeout(flush, ms);
}

/** @param {string[]} keys */
const bodyOf = (keys) =>
  `{"sentAt":"${new Date().toISOString()}","batch":[${keys.map((key) => kept[key] ?? spare[key])}]}`;

export async function flush() {
  if (sending || !getConsent().analytics) return;
  sending = true;
  const wait = await sendSome();
  sending = false;
  if (queued().length) schedule(wait);
}

/** @returns {Promise<number>} the milliseconds to wait before the next */
async function sendSome() {
  const keys = queued();
  // Only what is old takes a lock: a page that holds one is not kept for Back.
  if (keys.some(isOld)) return navigator.locks?.request(ENTRY, sendOld).catch(sendOld) ?? sendOld();
  const own = keys.filter((key) => mine.has(key));
  return own.length ? send(own) : OLD_MS;
}

async function sendOld() {
  const wait = await send(queued().filter(isOld));
  // Browsers tell other tabs a little later what is gone; until then the lock keeps them away.
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS, wait));
}

/** @param {string[]} from */
async function send(from) {
  const keys = from.slice(0, batchSize);
  if (!keys.length) return 0;
  const unsent = keys.filter((key) => mine.delete(key));
  const wait = await deliver(keys);
  if (wait === null) keys.forEach(forget);
  else unsent.forEach((key) => mine.add(key));
  return wait ?? 0;
}

/** Send a batch; return null when it is settled, else the milliseconds to wait. */
async function deliver(/** @type {string[]} */ keys) {
  let wait = retryMs * (0.75 + Math.random() / 2);
  try {
    const body = bodyOf(keys);
    const response = await fetch(`${prefix}/v1/batch`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
      keepalive: body.length < 20000, // browsers refuse it beyond 64 KB, and a sign can take three
      signal: AbortSignal.timeout?.(30000),
    });
    if (response.ok) {
      [retryMs, batchSize] = [RETRY_MS, MAX_BATCH];
      return null;
    }
    if ([400, 403, 413].includes(response.status)) {
      // One of them will never be taken: sent one by one, only that one is dropped.
      batchSize = 1;
      return keys.length === 1 ? null : 0;
    }
    const asked = Number(response.headers.get("retry-after")) * 1000 || 0;
    wait = Math.max(wait, Math.min(asked, MAX_RETRY_MS));
  } catch {
    // Offline: the queue waits.
  }
  retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
  return wait;
}

/** The last chance on this page. A beacon is not acknowledged: the next page asks again. */
export function beacon() {
  const keys = queued().filter((key) => mine.delete(key)).slice(0, MAX_BATCH);
  if (!keys.length || !getConsent().analytics) return;
  navigator.sendBeacon(`${prefix}/v1/batch`, new Blob([bodyOf(keys)], { type: "application/json" }));
}
