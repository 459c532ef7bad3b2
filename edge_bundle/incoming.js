/** A request as Cloudflare (and workerd) hands it over, read no further than asked. */

import { Refusal } from "./core/requests.js";

/** Paths that WHATWG's URL would change: they are read by it, so that none slips past a rule. */
const UNUSUAL = /[%\\]|\/\./;

/**
 * @typedef {import("./core/visit.js").Call} Call
 * @implements {Call}
 */
export class Incoming {
  /** So that the shape is known for good: see loader.js. */
  static kept = new this(/** @type {any} */ ({ url: "https:///" }));

  /** @param {Request} request */
  constructor(request) {
    this.request = request;
    this.method = request.method;
    this.headers = request.headers;
    const address = request.url;
    this.address = address;
    this.secure = address.startsWith("https:");
    const start = address.indexOf("/", 8);
    const query = address.indexOf("?", start);
    const path = address.slice(start, query < 0 ? undefined : query);
    this.query = query >= 0;
    /** @type {URL|undefined} */
    this.parsed = undefined;
    /** @type {string|null|undefined} */
    this.cookie = undefined;
    /** @type {import("./core/agents.js").Agent|undefined} */
    this.agent = undefined;
    this.path = start < 0 || UNUSUAL.test(path) ? this.url.pathname : path;
  }

  get url() {
    try {
      return (this.parsed ??= new URL(this.address));
    } catch {
      throw new Refusal(400, "bad_request", "malformed address");
    }
  }

  /** @param {string} name */
  header(name) {
    if (name !== "cookie") return this.headers.get(name);
    // More than one asks for it.
    return this.cookie === undefined ? (this.cookie = this.headers.get(name)) : this.cookie;
  }

  /** @returns {string|null} */
  get country() {
    return /** @type {any} */ (this.request).cf?.country ?? this.header("cf-ipcountry");
  }

  /** @returns {string|null} */
  get region() {
    return /** @type {any} */ (this.request).cf?.regionCode ?? null;
  }

  stream() {
    return this.request.body;
  }

  /** The server holds a request to the length it names, and the whole at once costs less. */
  text() {
    return this.request.text();
  }
}
