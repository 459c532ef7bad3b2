/** What every adapter does with the origin's pages; only the streams are a platform's own. */

import { core } from "./core.js";
import { settingsOf } from "./settings.js";

const { Scene, decideOne, within } = core;

/**
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/scene.js").Scene} Scene
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/visit.js").Call} Call
 * @typedef {import("../core/visit.js").Visit} Visit
 * @typedef {import("../core/decide.js").Decision} Decision
 */

/** What tells caches beside the browser's more than Cache-Control does, and in its stead. */
export const CACHING = [
  "cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "edge-control",
  "x-accel-expires",
];
/** Statements about a body that the rewritten one no longer keeps, and who may keep it. */
export const BODY_HEADERS = [
  ...CACHING,
  "etag", "last-modified", "expires", "age", "content-length", "accept-ranges", "content-md5",
  "digest", "content-digest", "repr-digest",
];
/**
 * Return the fs_u cookie that the origin's `Frontshelf-User` asks for, "" when it may not count,
 * null when the header is absent: nearly always, so that who signs such cookies is loaded then.
 * @param {Edge} edge @param {Call} call
 * @param {(name: string) => string|null} header reads the origin's answer
 * @param {Visit} visit
 * @returns {null|Promise<string>}
 */
export function vouchedUser(edge, call, header, visit) {
  const user = header("frontshelf-user");
  return user === null ? null : cookieOf(edge, call, header, visit, user);
}

/** @param {Edge} edge @param {Call} call @param {(name: string) => string|null} header @param {Visit} visit @param {string} user */
async function cookieOf(edge, call, header, visit, user) {
  return (await edge.extra("users"))?.vouched(edge, call, header, visit, user) ?? "";
}

/**
 * The encoding that a page's header names. @param {string|null} type the Content-Type
 */
export function charsetOf(type) {
  return /charset\s*=\s*["']?([^"';\s]+)/i.exec(type ?? "")?.[1] ?? "utf-8";
}

/** A page's encoding is its shop's: markup in ASCII holds in any. @type {import("../core/render.js").Form} */
const ASCII = { name: "ascii", encode: asciiOf };
/** @type {import("../core/needs.js").Needs} */
const MOST_NEED = { items: true, visitor: true, segments: false, recent: false, first: [], attributes: [], weights: [] };

/** Decides the slots of one page, as its splicer meets them. */
export class PageSlots {
  /** So that the shape is known for good: see core/loader.js. */
  static kept = new this(/** @type {any} */ (null), /** @type {any} */ (null), /** @type {any} */ (null));

  /** @param {Edge} edge @param {Loader} loader @param {Visit} visit */
  constructor(edge, loader, visit) {
    this.edge = edge;
    this.loader = loader;
    this.visit = visit;
    /** @type {Scene|null} one for the whole page, so that values are looked up once */
    this.scene = null;
  }

  /** Of elements, by their names: which may be slots. */
  get kinds() {
    return settingsOf(this.edge).kinds;
  }

  /**
   * Begin to read what a page's slots most often need, while the origin still makes the page.
   * What is read stays with the request; nothing waits for it here.
   */
  prepare() {
    try {
      const reading = this.loader.settled(() => this.#scene()?.lookUp(MOST_NEED) || null);
      if (reading instanceof Promise) reading.catch((error) => this.#failed("", error));
    } catch (error) {
      this.#failed("", error);
    }
  }

  /**
   * Decide one slot: at once when memory has what it takes, else as a promise with a deadline.
   * A page must never be cut off, or wait without end: so any fault gives null.
   * @param {string} name @param {{item: string, category: string}} page
   * @returns {Decision|null|Promise<Decision|null>}
   */
  decide(name, page) {
    try {
      const decided = this.loader.settled(() => this.#attempt(name, page));
      return decided instanceof Promise ? this.#inTime(decided, name) : decided;
    } catch (error) {
      return this.#failed(name, error);
    }
  }

  /** @param {Promise<Decision|null>} deciding @param {string} name */
  async #inTime(deciding, name) {
    try {
      return await within(deciding, settingsOf(this.edge).slotMs);
    } catch (error) {
      return this.#failed(name, error);
    }
  }

  /** @param {string} name @param {unknown} error */
  #failed(name, error) {
    this.loader.health.fault("slot_failed", `${name.slice(0, 80)}: ${error}`);
    return null;
  }

  /** @param {string} asked @param {{item: string, category: string}} page @returns {Decision|null} */
  #attempt(asked, page) {
    const scene = this.#scene();
    const name = scene?.release.names.get(asked);
    if (!scene || name === undefined) return null;
    scene.turnTo(page);
    return decideOne(scene, name);
  }

  #scene() {
    if (this.scene) return this.scene;
    const live = this.edge.releases.ready(this.loader, this.visit);
    if (!live?.release) return null;
    return (this.scene = new Scene(this.loader, live.release, live.fresh, this.visit, ASCII));
  }
}

/**
 * Write signs beyond ASCII as references: fit for a page of any encoding, which may stand in a
 * <meta> still to come, and encoded six times faster than text with a "€" in it. Scripts and
 * styles, where a reference means nothing, stay as they are.
 * @param {string} html
 */
export function asciiOf(html) {
  return html.replace(/<(script|style)\b[^]*?<\/\1|[^\0-\x7f]/giu, (found, element) =>
    // References to the control characters from 128 on mean others (HTML, 13.2.5.80).
    element ? found : found >= "\x80" && found <= "\x9f" ? "" : `&#${found.codePointAt(0)};`,
  );
}
