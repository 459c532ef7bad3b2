/** Makes a visit of a request: consent first, then only what that consent allows to be read. */

import { agentOf } from "./agents.js";
import { readCookies, setCookie } from "./cookies.js";
import { newDevice, readDevice, readUser } from "./identity.js";
import { memo } from "./memo.js";
import { readConsent } from "./purposes.js";
import { readSticky } from "./sticky.js";
import { NO_SESSION, readSession, sessionNow } from "./session.js";

/**
 * @typedef {object} Call one request, free of any platform's classes
 * @property {string} method
 * @property {URL} url
 * @property {string} path
 * @property {boolean} query whether the URL has one
 * @property {boolean} secure whether it came by https
 * @property {(name: string) => string|null} header
 * @property {string|null} country
 * @property {string|null} region
 * @property {() => any} stream its body, as a stream of bytes or of text; null for none
 * @property {(() => Promise<string>)|undefined} text all of it, where no longer than it says
 * @property {import("./agents.js").Agent|undefined} agent once it was asked for
 *
 * @typedef {object} Visit everything a decision depends on beside the release
 * @property {number} now epoch milliseconds
 * @property {import("./purposes.js").Consent} consent
 * @property {string|null} device
 * @property {boolean} isNew whether the device was not known before
 * @property {string|null} user
 * @property {string} sticky the fs_exp cookie, "" without a valid one
 * @property {{high: number, low: number}|null} visitor a visitor key named by a trusted caller
 * @property {import("./session.js").Session} session
 * @property {{item: string, category: string}} page
 * @property {Facts} facts attributes of the request itself
 * @property {Record<string, any>|null} given attributes that a trusted caller names
 */

/** @type {string[]} */
const NO_COOKIES = [];
const NO_PAGE = Object.freeze({ item: "", category: "" });

/** Read once: each look at a header costs a call of the platform. @param {Call} call */
function agentOfCall(call) {
  return (call.agent ??= agentOf(call.header("user-agent")));
}

/** @param {Call} call */
export function isCrawler(call) {
  return agentOfCall(call).crawler;
}

/** What cookies said lately, by their text: a visitor's next request says the same. */
/** @type {(text: string, make: () => ReturnType<typeof toldBy>) => ReturnType<typeof toldBy>} */
const lately = memo(500);

/**
 * What our cookies say, each read only if consent allows.
 * @param {import("./cookies.js").Sent} sent @param {boolean} optOut
 */
function toldBy({ fs_c, fs_id, fs_s, fs_exp }, optOut) {
  const consent = readConsent(fs_c, optOut);
  const personal = consent.personalization;
  return {
    consent,
    known: personal || consent.analytics ? readDevice(fs_id) : null,
    session: personal && fs_s ? readSession(fs_s) : NO_SESSION,
    sticky: personal && fs_exp ? readSticky(fs_exp) : "",
  };
}

/**
 * Return the visit and the cookies to set or clear. A device is minted on consent to either
 * purpose; with consent to statistics alone it names the sender of events, and nothing else.
 * @param {Call} call
 * @param {import("./loader.js").Loader} loader
 * @returns {{visit: Visit, cookies: string[]}}
 */
export function visitOf(call, { platform, config, preview }) {
  const sent = readCookies(call.header("cookie"));
  const { fs_c = "", fs_id = "", fs_s = "", fs_exp = "" } = sent;
  // The signal overrules a choice: without one there is nothing to overrule.
  const { consent, known, session, sticky } =
    fs_c && call.header("sec-gpc") === "1"
      ? toldBy(sent, true)
      : lately(`${fs_c};${fs_id};${fs_s};${fs_exp}`, () => toldBy(sent, false));
  const personal = consent.personalization;
  const named = personal || consent.analytics;
  const user = personal ? readUser(config, sent.fs_u) : null;
  const now = platform.now();
  const device = known ?? (named ? newDevice(platform) : null);
  /** @type {Visit} */
  const visit = {
    now,
    consent,
    device,
    isNew: !known || !personal,
    user,
    sticky,
    visitor: null,
    session: session ? sessionNow(session, now) : NO_SESSION,
    page: NO_PAGE,
    facts: new Facts(call),
    given: null,
  };
  if (preview) preview.force(visit);
  const fine =
    known && session && (user || sent.fs_u === undefined) &&
    (personal || sent.fs_s === undefined) && (sticky || sent.fs_exp === undefined) &&
    (preview || sent.fs_p === undefined);
  if (fine) return { visit, cookies: NO_COOKIES };
  const valid = {
    fs_id: known, fs_exp: sticky, fs_u: user, fs_s: session && personal, fs_c: consent.chosen,
    fs_p: preview,
  };
  return { visit, cookies: answers(call, sent, valid, device) };
}

/**
 * The cookies to clear, which mean nothing or may not be kept, and a new device's.
 * @param {Call} call @param {Record<string, any>} sent @param {Record<string, unknown>} valid
 * @param {string|null} device
 */
function answers({ secure }, sent, valid, device) {
  const minted = device && !valid.fs_id;
  const cookies = Object.keys(valid)
    // A cleared and a set cookie of one name would contradict each other.
    .filter((name) => sent[name] !== undefined && !valid[name] && !(minted && name === "fs_id"))
    .map((name) => setCookie(name, "", { secure }));
  if (minted) cookies.push(setCookie("fs_id", device, { secure, days: 395 }));
  return cookies;
}

/** What rules may ask of the request itself, worked out when asked; extras/facts.js has the rest. */
export class Facts {
  /** So that the shape is known for good: see loader.js. */
  static kept = new (/** @type {any} */ (this))();

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
    /** The page that a call of ours comes from. @type {{path: string, query: string}|null|undefined} */
    this.from = undefined;
    /** @type {string|null|undefined} */
    this.land = undefined;
  }

  get country() {
    // Read once: each look costs calls of the platform.
    if (this.land === undefined) this.land = this.call.country;
    return this.land;
  }

  get region() {
    return this.call.region;
  }

  get device() {
    return agentOfCall(this.call).device;
  }
}
