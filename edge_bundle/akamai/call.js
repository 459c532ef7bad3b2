/** A request as EdgeWorkers hands it over, read no further than asked. */

import URLSearchParams from "url-search-params";

/** Segments that mean another path than they say. */
const DOTS = /(^|[/\\])(\.|%2e){1,2}([/\\]|$)|\\/i;

/**
 * @typedef {import("./core/visit.js").Call} Call
 * @implements {Call}
 */
export class Incoming {
  /** @param {any} request */
  constructor(request) {
    this.request = request;
    this.method = request.method;
    this.secure = request.scheme === "https";
    this.path = DOTS.test(request.path) ? resolved(request.path) : request.path;
    this.query = request.query !== "";
    /** @type {any} */
    this.parsed = undefined;
    /** @type {import("./core/agents.js").Agent|undefined} */
    this.agent = undefined;
  }

  get url() {
    return (this.parsed ??= new Address(this.request, this.path));
  }

  /** @param {string} name @returns {string|null} */
  header(name) {
    return joined(name, this.request.getHeader(name));
  }

  get country() {
    return known(this.request.userLocation?.country);
  }

  get region() {
    return known(this.request.userLocation?.region);
  }

  stream() {
    return this.request.body;
  }

  /** Nothing holds a request to a length here. */
  get text() {
    return undefined;
  }
}

/** The parts of a URL that the core reads; the platform has no such class. */
class Address {
  /** @param {any} request @param {string} path */
  constructor({ scheme, host, query, url }, path) {
    this.protocol = `${scheme}:`;
    this.host = host;
    this.hostname = host.replace(/:\d+$/, "");
    this.origin = `${scheme}://${host}`;
    this.pathname = path;
    this.search = query && `?${query}`;
    this.href = this.origin + url;
    this.searchParams = new Query(query);
  }
}

/** Query parameters that can be gone through, as the web's can. */
class Query {
  /** @param {string} text */
  constructor(text) {
    this.params = new URLSearchParams(text);
  }

  /** @param {string} name @returns {string|null} */
  get(name) {
    return this.params.get(name);
  }

  /** @param {string} name @returns {boolean} */
  has(name) {
    return this.params.has(name);
  }

  [Symbol.iterator]() {
    return this.params.entries();
  }
}

/** @param {string} path */
function resolved(path) {
  /** @type {string[]} */
  const kept = [];
  for (const part of path.replaceAll("\\", "/").slice(1).split("/")) {
    const plain = part.replace(/%2e/gi, ".");
    if (plain === "..") kept.pop();
    else if (plain !== ".") kept.push(part);
  }
  return `/${kept.join("/")}`;
}

/** @param {string} name @param {string[]|null|undefined} values @returns {string|null} */
export function joined(name, values) {
  return values?.join(name === "cookie" ? "; " : ", ") ?? null;
}

/** An address within a private network is somewhere "reserved". @param {string|undefined} place */
function known(place) {
  return place && place !== "reserved" ? place : null;
}
