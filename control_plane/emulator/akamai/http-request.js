/** EdgeWorkers' `http-request`: sub-requests, within the Dynamic tier's limits. */

import { current, native } from "./host.js";
import { checkHeaders, pairsOf } from "./headers.js";

const AT_ONCE = 5;
const AT_MOST = 50;
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
const TEXT_BYTES = 131_072;
const HEADER_BYTES = 8192;
const LONGEST_MS = 8000;
const EDGEKV = "edgekv.akamai-edge-svcs.net";
const COLLECT = "collect.frontshelf.local";

/** @param {string} url @param {any} [options] */
export async function httpRequest(url, options = {}) {
  const running = current();
  const { method = "GET", headers = {}, body, timeout = LONGEST_MS } = options;
  if (!METHODS.includes(method)) throw new TypeError(`a sub-request cannot ${method}`);
  if (!(timeout > 0 && timeout <= LONGEST_MS)) throw new TypeError(`timeout ${timeout} is not 1 to ${LONGEST_MS}`);
  checkHeaders(headers);
  if (pairsOf(headers).some(([name]) => name.toLowerCase() === "accept-encoding")) {
    throw new TypeError("compressed answers to sub-requests are not emulated");
  }
  const target = targetOf(url, running.url);
  if (running.asked >= AT_MOST) throw new Error(`more than ${AT_MOST} sub-requests`);
  if (running.underWay >= AT_ONCE) throw new Error(`more than ${AT_ONCE} sub-requests at once`);
  running.asked++;
  return new Exchange(running, timeout).ask(target, { method, headers: pairsOf(headers), body });
}

/** @param {string} url @param {URL} parent */
function targetOf(url, parent) {
  if (url.startsWith("/")) return new native.URL(parent.origin + url);
  const target = new native.URL(url);
  if (target.port && target.host !== parent.host) throw new TypeError("a port cannot be named");
  return target;
}

/** One sub-request, under way until its body has come. */
class Exchange {
  /** @param {import("./host.js").Running} running @param {number} timeout */
  constructor(running, timeout) {
    this.running = running;
    this.abort = new native.AbortController();
    this.timer = native.setTimeout(() => this.abort.abort(), timeout);
    this.over = false;
    running.underWay++;
  }

  /** @param {URL} target @param {any} init */
  async ask(target, init) {
    const { signal } = this.abort;
    const request = new native.Request(target, { ...init, redirect: "manual", signal });
    try {
      const response = await this.#service(target)(request);
      const size = [...response.headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
      if (size > HEADER_BYTES) throw new Error(`headers of ${size} bytes, over ${HEADER_BYTES}`);
      return this.#responseOf(response);
    } catch (error) {
      throw this.#ended(error);
    }
  }

  /** @param {URL} target @returns {(request: Request) => Promise<Response>} */
  #service(target) {
    const { env, url } = this.running;
    if (target.host === EDGEKV) return (request) => env.EDGEKV.fetch(request);
    if (target.host === COLLECT && env.COLLECT) return (request) => env.COLLECT.fetch(request);
    if (target.host === url.host) return native.fetch;
    return async () => new native.Response("not served by this platform", { status: 400 });
  }

  /** @param {Response} response */
  #responseOf(response) {
    const headers = listed(response.headers);
    const body = (response.body ?? new native.Response("").body).pipeThrough(
      new native.TransformStream({ flush: () => void this.#ended(null) }),
    );
    if (!response.body) this.#ended(null);
    const text = () => this.#text(body);
    return Object.freeze({
      status: response.status,
      ok: response.ok,
      body,
      getHeader: (/** @type {string} */ name) => headers[name.toLowerCase()],
      getHeaders: () => ({ ...headers }),
      text,
      json: async () => JSON.parse(await text()),
    });
  }

  /** @param {ReadableStream} body */
  async #text(body) {
    let bytes;
    try {
      bytes = await new native.Response(body).arrayBuffer();
    } catch (error) {
      throw this.#ended(error);
    }
    if (bytes.byteLength > TEXT_BYTES) throw new Error(`text() reads at most ${TEXT_BYTES} bytes`);
    return new native.TextDecoder().decode(bytes);
  }

  /** Note that nothing is under way any more. @param {any} error @returns {any} what to throw */
  #ended(error) {
    if (!this.over) this.running.underWay--;
    this.over = true;
    native.clearTimeout(this.timer);
    return this.abort.signal.aborted ? new Error("the sub-request timed out") : error;
  }
}

/** @param {Headers} headers @returns {Record<string, string[]>} */
function listed(headers) {
  const all = Object.fromEntries([...headers].map(([name, value]) => [name, [value]]));
  const cookies = headers.getSetCookie();
  if (cookies.length) all["set-cookie"] = cookies;
  // The edge unpacks what comes packed although nobody asked for that; so does reading it here.
  delete all["content-encoding"];
  return all;
}
