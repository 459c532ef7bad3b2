/** Checks what callers send; every refusal is a message for the person who wrote the call. */

import { parseVisitorKey } from "./identity.js";
import { sessionFromBody } from "./session.js";

/** @typedef {import("./visit.js").Visit} Visit */
/** @typedef {import("./decide.js").SlotRequest} SlotRequest */

const MAX_SLOTS = 50;
const MAX_ITEMS = 100;
const MAX_TEXT = 256;
/** The last time that a Date can be, in epoch milliseconds. */
const MAX_TIME = 8.64e15;

/** A refusal with a status, a code for machines and a message for people. */
export class Refusal extends Error {
  /** @param {number} status @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @param {string} message @returns {never} */
function refuse(message) {
  throw new Refusal(400, "bad_request", message);
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
 * @param {Record<string, any>} known
 * @returns {SlotRequest[]}
 */
export function readSlots(slots, known) {
  if (!Array.isArray(slots) || !slots.length || slots.length > MAX_SLOTS) {
    refuse(`slots must be a list of 1 to ${MAX_SLOTS} names`);
  }
  return slots.map((slot) => {
    const { name, limit } = typeof slot === "string" ? { name: slot, limit: undefined } : (slot ?? {});
    if (typeof name !== "string") refuse("slots[] must be a name, or an object with a name");
    if (!(name in known)) throw new Refusal(400, "unknown_slot", `no slot ${JSON.stringify(name.slice(0, 80))} in this release`);
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= MAX_ITEMS)) {
      refuse(`slots[].limit must be a whole number from 1 to ${MAX_ITEMS}`);
    }
    return { name, limit };
  });
}

/**
 * Put what a body says into a visit. A browser may say what page it is on; only a trusted
 * caller may say who somebody is and what they did.
 * @param {Visit} visit
 * @param {any} body
 * @param {boolean} trusted
 * @returns {Visit}
 */
export function withBody(visit, body, trusted) {
  const page = pageOf(body.page);
  if (!trusted) return { ...visit, page };
  const { consent, device, visitor, session, attributes, at = visit.now } = body;
  if (consent !== undefined && !isObject(consent)) refuse("consent must be an object");
  if (device !== undefined && !shortText(device)) refuse("device must be a string");
  if (attributes !== undefined && !isObject(attributes)) refuse("attributes must be an object");
  if (!(Number.isFinite(at) && at >= 0 && at < MAX_TIME)) refuse("at must be a time in epoch milliseconds");
  try {
    return {
      ...visit,
      now: at,
      page,
      consent: consent ? consentOf(consent) : visit.consent,
      device: device ?? visit.device,
      sticky: device === undefined ? visit.sticky : "",
      isNew: device === undefined && visit.isNew,
      visitor: visitor === undefined ? null : parseVisitorKey(String(visitor)),
      session: session === undefined ? visit.session : sessionFromBody(session),
      given: attributes ?? visit.given,
    };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : "malformed body");
  }
}

/** @param {any} page */
export function pageOf(page) {
  if (page === undefined) return { item: "", category: "" };
  if (!isObject(page)) refuse("page must be an object");
  const { item = "", category = "" } = page;
  if (!shortText(item) || !shortText(category)) {
    refuse(`page.item and page.category must be strings of at most ${MAX_TEXT} characters`);
  }
  return { item, category };
}

/** @param {any} consent */
function consentOf(consent) {
  return {
    personalization: consent.personalization === true,
    analytics: consent.analytics === true,
    chosen: true,
  };
}

/** @param {unknown} value */
function shortText(value) {
  return typeof value === "string" && value.length <= MAX_TEXT;
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
