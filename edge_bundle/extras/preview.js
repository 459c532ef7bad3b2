/**
 * Previews: a signed link forces segments, variations, contents, time, country or a release for
 * one browser, until it ends. The token is made by control_plane/deploy/preview.py.
 */

import { core } from "./core.js";

/**
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/release.js").Release} Release
 * @typedef {import("../core/visit.js").Call} Call
 *
 * @typedef {object} Claims what a genuine token says
 * @property {number} until epoch seconds
 * @property {string[]} [segments]
 * @property {Record<string, number>} [variations] by experiment
 * @property {Record<string, string>} [slots] contents by slot
 * @property {number} [at] epoch milliseconds
 * @property {string} [country]
 * @property {string} [manifest] of the release to show
 * @property {string} [digest] base64 of its SHA-256
 */

const { Release, fromBase64, readCookies, reasonOf, same, setCookie, toBase64 } = core;

const PARAMETER = "fs_preview";
const TOKEN = /^(1\.([A-Za-z0-9_-]{2,1900}))\.([A-Za-z0-9_-]{22})$/;
/** Releases opened for previews; verified ones only. */
const MAX_OPENED = 4;
/** @type {Map<string, Release>} */
const opened = new Map();

const decoder = new TextDecoder();

/**
 * Begin, go on with or end a preview. A token that is not genuine or no longer valid changes
 * nothing.
 * @param {Edge} edge @param {Loader} loader @param {Call} call
 * @returns {import("../core/answers.js").Answer|null} an answer where a link begins or ends a preview
 */
export function openPreview(edge, loader, call) {
  const asked = call.method === "GET" ? call.url.searchParams.get(PARAMETER) : null;
  const { secure } = call;
  if (asked === "off") return goOn(call, setCookie("fs_p", "", { secure }));
  const claims = asked && readToken(loader, asked);
  if (claims) {
    const days = (claims.until - loader.platform.now() / 1000) / 86_400;
    return goOn(call, setCookie("fs_p", asked, { secure, days }));
  }
  const sent = readCookies(call.header("cookie")).fs_p;
  const held = sent && readToken(loader, sent);
  if (held) loader.preview = new Preview(held, edge);
  return null;
}

/** Send the browser to the same page without the parameter. @param {Call} call @param {string} cookie */
function goOn(call, cookie) {
  const query = otherQuery(call);
  const location = pathOf(call) + (query && `?${query}`);
  /** @type {[string, string][]} */
  const headers = [["location", location], ["set-cookie", cookie]];
  return { status: 303, kind: /** @type {const} */ ("bare"), mark: "", headers, body: "" };
}

/** The query without ours. @param {Call} call */
function otherQuery({ url }) {
  return url.search.slice(1).split("&").filter((part) => part.split("=", 1)[0] !== PARAMETER).join("&");
}

/** A path that begins with two slashes would name another host. @param {Call} call */
function pathOf({ path }) {
  return `/${path.replace(/^\/+/, "")}`;
}

/** Where this page's preview ends. @param {Call} call */
export function exitOf(call) {
  const query = otherQuery(call);
  return `${pathOf(call)}?${query && `${query}&`}${PARAMETER}=off`;
}

/** @param {Loader} loader @param {string} token @returns {Claims|null} */
function readToken({ config, health, platform }, token) {
  const match = TOKEN.exec(token);
  const genuine = match && config.cookieKey && same(signature(config, match[1]), match[3]);
  /** @type {Claims|null} */
  const claims = genuine ? JSON.parse(decoder.decode(fromBase64(match[2]))) : null;
  if (claims && claims.until * 1000 > platform.now()) return claims;
  health.fault(claims ? "preview_expired" : "preview_invalid", "");
  return null;
}

/** @param {import("../core/config.js").Config} config @param {string} payload */
function signature({ cookieKey, shop, environment }, payload) {
  const message = `fs_p\0${shop}\0${environment}\0${payload}`;
  const mac = /** @type {import("../core/hmac.js").Hmac} */ (cookieKey).sign(message);
  return toBase64(mac.subarray(0, 16));
}

/** What one browser's preview forces. */
export class Preview {
  /** @param {Claims} claims @param {Edge} edge */
  constructor(claims, edge) {
    this.claims = claims;
    this.edge = edge;
    /** @type {{base: Release|null, release: Release|null}|null} */
    this.made = null;
  }

  /** @param {import("../core/visit.js").Visit} visit */
  force(visit) {
    const { at, country, segments } = this.claims;
    if (at) visit.now = at;
    if (country || segments) visit.given = { ...(country && { country }), ...(segments && { segments }) };
  }

  /**
   * Return the release to show, with its rules as forced; null until it is read.
   * @param {Loader} loader @param {{release: Release|null, fresh: boolean}} live
   */
  ready(loader, live) {
    // What a draft lacks may be on its way: a location must not remember for long that it did.
    loader.settle(false);
    const named = this.claims.manifest ? this.#named(loader) : null;
    if (named === undefined) return null;
    const base = named ?? live.release;
    if (this.made?.base !== base) this.made = { base, release: base && forced(base, this.claims) };
    return { ...live, release: this.made.release };
  }

  /** @param {Loader} loader @returns {Release|null|undefined} null when it can't be had */
  #named(loader) {
    const { manifest, digest } = this.claims;
    const name = `${manifest} ${digest}`;
    return opened.get(name) ?? loader.ask(name, () => this.#open(loader, name));
  }

  /** @param {Loader} loader @param {string} name */
  async #open(loader, name) {
    const { manifest = "", digest = "" } = this.claims;
    try {
      const release = await this.edge.releases.open(loader, { manifest, digest: fromBase64(digest) });
      if (opened.size >= MAX_OPENED) opened.clear();
      opened.set(name, release);
      return release;
    } catch (error) {
      loader.health.fault(`preview_${reasonOf(error)}`, manifest);
      return null;
    }
  }
}

/** A release under the rules that a preview forces. @param {Release} release @param {Claims} claims */
function forced(release, { slots = {}, variations = {} }) {
  const { rules } = release;
  /** @type {Record<string, any>} */
  const changed = Object.create(null);
  for (const name of Object.keys(rules.slots)) {
    const content = Object.hasOwn(slots, name) && rules.content[slots[name]] ? slots[name] : null;
    changed[name] = content
      ? { ...rules.slots[name], rules: [{ id: "preview", show: content, forced: content }] }
      : withVariations(rules.slots[name], variations);
  }
  const { body, manifest, open, lists, weighing, rarer } = release;
  const other = new Release({ ...body, rules: { ...rules, slots: changed, holdout: null } }, manifest, open);
  return Object.assign(other, { lists, weighing, rarer });
}

/** Put forced variations first, whatever their conditions. @param {any} slot @param {Record<string, number>} variations */
function withVariations(slot, variations) {
  const first = [];
  const rest = [];
  for (const rule of slot.rules) {
    const key = rule.experiment?.key;
    const number = key && Object.hasOwn(variations, key) ? variations[key] : -1;
    const show = rule.experiment?.variations[number];
    if (show === undefined) rest.push(rule);
    else first.push({ id: rule.id, show, forced: `${key}=${number}` });
  }
  return { ...slot, rules: [...first, ...rest] };
}
