/** Checks what bodies say; every refusal is a message for the person who wrote the call. */

import { core } from "./core.js";

const { Refusal, isObject, isShort, memo, refuse } = core;

/** @typedef {import("../core/visit.js").Call} Call */
/** @typedef {import("../core/visit.js").Visit} Visit */
/** @typedef {import("../core/decide.js").SlotRequest} SlotRequest */

const MAX_SLOTS = 50;
const MAX_ITEMS = 100;
/** The last time that a Date can be, in epoch milliseconds. */
const MAX_TIME = 8.64e15;
const MAX_EVENTS = 200;
const EVENT_KINDS = ["view", "cart", "order"];

/** Return a call's body; throw when it is longer. @param {Call} call @param {number} limit bytes @returns {Promise<string>} */
export function bodyOf(call, limit) {
  const length = call.header("content-length");
  if (Number(length) > limit) throw tooLong(limit);
  return length !== null && call.text ? call.text() : readStream(call.stream(), limit);
}

/** @param {any} stream of bytes or of text, or null @param {number} limit */
async function readStream(stream, limit) {
  const reader = stream?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > limit) throw tooLong(limit);
    text += typeof value === "string" ? value : decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

/** @param {number} limit */
function tooLong(limit) {
  return new Refusal(413, "too_large", `at most ${limit} bytes`);
}

/** Bodies remembered, and letters of the longest: a server may call with any. */
const KEPT = 200;
const LONGEST = 4000;

/**
 * Return a function that reads bodies as `read` does, and remembers those read lately by their
 * text: clients poll with the same, and shops' servers ask for a newcomer's page again and again.
 * Whatever `read` makes is shared by requests, which must not change it.
 * @template Made
 * @param {(text: string) => Made} read throws what is not remembered
 * @returns {(text: string) => Made}
 */
export function reading(read) {
  const lately = /** @type {typeof memo<Made, string>} */ (memo)(KEPT);
  return (text) => (text.length > LONGEST ? read(text) : lately(text, read));
}

/** @param {string} text @returns {any} an object */
export function parseObject(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    refuse("the body is not JSON");
  }
  if (!isObject(body)) refuse("the body must be a JSON object");
  return body;
}

/**
 * Read the slots of a decide body.
 * @param {any} slots
 * @param {Map<string, string>} known names of slots as the release has them
 * @returns {SlotRequest[]}
 */
export function readSlots(slots, known) {
  if (!Array.isArray(slots) || !slots.length || slots.length > MAX_SLOTS) {
    refuse(`slots must be a list of 1 to ${MAX_SLOTS} names`);
  }
  return slots.map((/** @type {any} */ slot) => {
    const { name, limit } = typeof slot === "string" ? { name: slot, limit: undefined } : (slot ?? {});
    if (typeof name !== "string") refuse("slots[] must be a name, or an object with a name");
    const own = known.get(name);
    if (own === undefined) throw new Refusal(400, "unknown_slot", `no slot ${JSON.stringify(name.slice(0, 80))} in this release`);
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= MAX_ITEMS)) {
      refuse(`slots[].limit must be a whole number from 1 to ${MAX_ITEMS}`);
    }
    return { name: own, limit };
  });
}

/**
 * What a body says of a visit. A browser may say what page it is on; only a trusted caller may
 * say who somebody is and what they did.
 */
export class Told {
  /** @param {any} body */
  constructor(body) {
    this.body = body;
    /** @type {Visit["page"]|undefined} */
    this.page = undefined;
    /** @type {ReturnType<typeof personOf>|undefined} checked once somebody may say it */
    this.person = undefined;
  }

  /** Put it into a visit, which nobody else has. @param {Visit} visit @param {boolean} trusted @returns {Visit} */
  addTo(visit, trusted) {
    visit.page = this.page ??= pageOf(this.body.page);
    if (!trusted) return visit;
    const { at, consent, device, visitor, session, attributes } = (this.person ??= personOf(this.body));
    visit.visitor = visitor;
    if (at !== undefined) visit.now = at;
    if (consent) visit.consent = consent;
    if (session) visit.session = session;
    if (attributes) visit.given = attributes;
    if (device !== undefined) {
      visit.device = device;
      visit.sticky = "";
      visit.isNew = false;
    }
    return visit;
  }
}

/** @param {any} page */
function pageOf(page) {
  if (page === undefined) return { item: "", category: "" };
  if (!isObject(page)) refuse("page must be an object");
  const { item = "", category = "" } = page;
  if (!isShort(item) || !isShort(category)) {
    refuse("page.item and page.category must be strings of at most 256 characters");
  }
  return { item, category };
}

/** @param {any} body */
function personOf({ consent, device, visitor, session, attributes, at }) {
  if (consent !== undefined && !isObject(consent)) refuse("consent must be an object");
  if (device !== undefined && !isShort(device)) refuse("device must be a string");
  if (attributes !== undefined && !isObject(attributes)) refuse("attributes must be an object");
  if (at !== undefined && !(Number.isFinite(at) && at >= 0 && at < MAX_TIME)) refuse("at must be a time in epoch milliseconds");
  return {
    at,
    consent: consent && consentOf(consent),
    device,
    visitor: visitor === undefined ? null : parseVisitorKey(visitor),
    session: session === undefined ? undefined : sessionFromBody(session),
    attributes,
  };
}

/** @param {any} consent */
function consentOf(consent) {
  return {
    personalization: consent.personalization === true,
    analytics: consent.analytics === true,
    chosen: true,
  };
}

/**
 * Take the session of a decide body; refuse one that is malformed.
 * @param {any} body
 * @returns {import("../core/session.js").Session}
 */
function sessionFromBody(body) {
  const events = body?.events ?? [];
  if (!Array.isArray(events)) refuse("session.events must be a list");
  const taken = events.slice(-MAX_EVENTS).map((/** @type {any} */ event) => {
    const kind = event?.event ?? "view";
    if (!EVENT_KINDS.includes(kind)) {
      refuse("session.events[].event must be view, cart or order");
    }
    if (typeof event?.item !== "string") refuse("session.events[].item must be a string");
    return { kind, item: event.item };
  });
  const counts = { view: 0, cart: 0, order: 0 };
  // Begun as no cookie can be, so that nobody's cookie is taken for what a server tells.
  let trail = ";";
  for (const { kind, item } of taken) {
    counts[/** @type {keyof typeof counts} */ (kind)]++;
    // With its length, since an item may hold any letters.
    trail += `${kind}${item.length}:${item}`;
  }
  const { view: views, cart: carts, order: orders } = counts;
  return { events: taken, trail, views, carts, orders, startedAt: 0, lastAt: 0 };
}

/** @param {unknown} told the 16 hexadecimal digits of a visitor key */
function parseVisitorKey(told) {
  const text = typeof told === "object" ? "" : String(told);
  if (!/^[0-9a-f]{16}$/.test(text)) refuse("visitor must be 16 hexadecimal digits");
  return { high: parseInt(text.slice(0, 8), 16), low: parseInt(text.slice(8, 12), 16) };
}
