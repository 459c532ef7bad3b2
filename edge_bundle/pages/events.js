/** Makes events of calls; one that comes before the visitor chose waits in the page's memory. */

import { randomId } from "./base.js";
import { getConsent } from "./choice.js";
import { enqueue } from "./queue.js";
import { keepVisit, noteSession, visit } from "./session.js";

const MAX_WAITING = 20;
/** @type {any[]} */
const waiting = [];

export const pageFacts = () => ({
  path: location.pathname, url: location.href, title: document.title, referrer: document.referrer,
});

/** @param {string} type @param {any} fields @param {any} [options] */
export function emit(type, fields, options) {
  let call;
  try {
    // A copy: the shop may change its objects afterwards.
    call = JSON.parse(JSON.stringify({ type, ...fields, ...options }));
  } catch (error) {
    console.warn("frontshelf: left out an event that is no JSON", error);
    return;
  }
  call.messageId ??= randomId();
  call.timestamp ??= new Date().toISOString();
  call.context = { page: pageFacts(), ...call.context };
  const consent = getConsent();
  if (consent.chosen || consent.optOut) record(call, consent);
  else if (waiting.length < MAX_WAITING) waiting.push(call);
}

/** @param {ReturnType<typeof getConsent>} consent */
export function recordWaiting(consent) {
  for (const call of waiting.splice(0)) record(call, consent);
}

/** @param {any} call @param {ReturnType<typeof getConsent>} consent */
function record(call, { personalization, analytics }) {
  if (personalization && call.type === "track") noteSession(call.event, call.properties);
  if (!analytics) return;
  const session = visit();
  keepVisit(session);
  Object.assign(call.context, { consent: { personalization, analytics }, sessionId: session.id });
  enqueue(call);
}

/** @param {string} event @param {any} [properties] @param {any} [options] */
export const track = (event, properties, options) =>
  emit("track", { event: String(event), properties: { ...properties } }, options);
