/** Makes a call of the core's out of EdgeWorkers' request. */

import { TextDecoder } from "encoding";
import URLSearchParams from "url-search-params";
import { Refusal } from "./core/requests.js";

/** @typedef {import("./core/visit.js").Call} Call */

/** @param {any} request @returns {Call} */
export function callOf(request) {
  const { country, region } = request.userLocation ?? {};
  return {
    method: request.method,
    url: /** @type {any} */ (new Address(request)),
    header: (name) => joined(name, request.getHeader(name)),
    country: known(country),
    region: known(region),
    body: (limit) => readBody(request.body, limit),
  };
}

/** The parts of a URL that the core reads; the platform has no URL class. */
class Address {
  /** @param {{scheme: string, host: string, path: string, query: string, url: string}} request */
  constructor({ scheme, host, path, query, url }) {
    this.protocol = `${scheme}:`;
    this.host = host;
    this.hostname = host.replace(/:\d+$/, "");
    this.origin = `${scheme}://${host}`;
    this.pathname = path;
    this.search = query && `?${query}`;
    this.href = this.origin + url;
  }

  get searchParams() {
    const value = new Query(this.search.slice(1));
    Object.defineProperty(this, "searchParams", { value });
    return value;
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

/** @param {string} name @param {string[]|null|undefined} values @returns {string|null} */
export function joined(name, values) {
  return values?.join(name === "cookie" ? "; " : ", ") ?? null;
}

/** An address within a private network is somewhere "reserved". @param {string|undefined} place */
function known(place) {
  return place && place !== "reserved" ? place : null;
}

/** @param {any} body a stream of bytes, or of text @param {number} limit */
async function readBody(body, limit) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    length += value.length;
    if (length > limit) throw new Refusal(413, "too_large", `at most ${limit} bytes`);
    text += typeof value === "string" ? value : decoder.decode(value, { stream: true });
  }
}
