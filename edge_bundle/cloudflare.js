/** The worker on Cloudflare (and workerd): requests in, pages and answers out. */

import consentScript from "./consent.js";
import { KINDS, MARKS } from "./core/answers.js";
import { answer } from "./core/api.js";
import { Edge } from "./core/edge.js";
import { Incoming } from "./incoming.js";
import { load } from "./load.js";
import { headersOf, plainPage } from "./origin.js";
import sdkScript from "./sdk.js";

const ASSETS = { "sdk.js": sdkScript, "consent.js": consentScript };

/** @typedef {{env: any, edge: Edge, host: import("./core/api.js").Host}} Kept */

/** @type {Kept|null} one per isolate; `env` is the same object while it lives */
let kept = null;

export default {
  /** @param {Request} request @param {any} env @param {any} ctx */
  fetch(request, env, ctx) {
    if (kept?.env !== env) kept = keep(env);
    const own = /** @type {Kept} */ (kept);
    try {
      return serve(own, request, ctx);
    } catch (error) {
      return plainly(own.edge, request, error);
    }
  },
};

/** @param {any} env @returns {Kept} */
function keep(env) {
  const edge = new Edge(env, load);
  const host = {
    assets: ASSETS,
    collect: async (/** @type {string} */ path, /** @type {string} */ body) =>
      Boolean(await (await edge.extra("collect"))?.collect(env, path, body)),
  };
  return { env, edge, host };
}

/** @param {Kept} kept @param {Request} request @param {any} ctx */
function serve({ env, edge, host }, request, ctx) {
  const call = new Incoming(request);
  const loader = edge.loader(new Cloudflare(env, ctx));
  const own = answer(edge, loader, call, host);
  // Not a promise unless it must be: each costs a turn of the event loop, and each function made
  // for one more than it seems.
  if (own && !(own instanceof Promise)) return responseOf(own, call);
  return served(edge, loader, call, request, own);
}

/**
 * @param {Edge} edge @param {import("./core/loader.js").Loader} loader @param {Incoming} call
 * @param {Request} request @param {null|Promise<import("./core/answers.js").Answer|null>} own
 */
async function served(edge, loader, call, request, own) {
  try {
    const made = await own;
    if (made) return responseOf(made, call);
    // Loaded with the first; where it can't be had, pages stay the shop's own.
    const origin = await edge.extra("origin");
    return await (origin ? origin.passOrFill(edge, loader, call, request, headersOf) : plainPage(request));
  } catch (error) {
    return plainly(edge, request, error);
  }
}

/**
 * The last rung: what should never fail has failed, and the visitor gets what the shop has.
 * @param {Edge} edge @param {Request} request @param {unknown} error
 */
async function plainly(edge, request, error) {
  edge.health.fault("uncaught", String(error));
  try {
    return await plainPage(request);
  } catch {
    return new Response("This cannot be asked for.\n", { status: 400 });
  }
}

/**
 * What answers of each kind are made after. To copy the headers of a response costs 1 µs less
 * than those of `{headers, status}`, whose members are looked up by name, and 25 µs less than
 * an array of pairs.
 */
const patterns = responsesByKind();
/** Those of answers with a mark, which is set just before they are copied. */
const marked = responsesByKind();

/** @returns {Record<string, Response>} */
function responsesByKind() {
  const kinds = Object.entries(KINDS);
  return Object.fromEntries(kinds.map(([kind, headers]) => [kind, new Response(null, { headers })]));
}

/** @param {import("./core/answers.js").Answer} answer @param {Incoming} call */
function responseOf({ status, kind, mark, headers, body }, { method }) {
  const empty = status === 204 || status === 304 || method === "HEAD";
  const pattern = mark ? marked[kind] : patterns[kind];
  if (mark) pattern.headers.set(/** @type {string} */ (MARKS[kind]), mark);
  const init = status === 200 ? pattern : { headers: pattern.headers, status };
  const response = new Response(empty ? null : /** @type {any} */ (body), init);
  for (const [name, value] of headers) response.headers.append(name, value);
  return response;
}

/**
 * @typedef {import("./core/platform.js").Platform} Platform
 * @implements {Platform}
 */
class Cloudflare {
  /** So that the shape is known for good: see loader.js. */
  static kept = new (/** @type {any} */ (this))();

  /** @param {any} env @param {any} ctx */
  constructor(env, ctx) {
    this.env = env;
    this.ctx = ctx;
  }

  /** @param {string} key @param {number} keepSeconds */
  get(key, keepSeconds) {
    return this.env.SHELF.get(key, { type: "arrayBuffer", cacheTtl: keepSeconds });
  }

  /** @param {string} key @param {string} text @param {number} keepSeconds */
  put(key, text, keepSeconds) {
    return this.env.SHELF.put(key, text, { expirationTtl: keepSeconds });
  }

  /** @param {BufferSource} bytes */
  async sha256(bytes) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  }

  /** @param {any} key @param {any} signature @param {any} message bytes */
  async verify(key, signature, message) {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return crypto.subtle.verify("Ed25519", imported, signature, message);
  }

  now() {
    return Date.now();
  }

  /** @param {number} count */
  random(count) {
    return crypto.getRandomValues(new Uint8Array(count));
  }

  /** @param {Promise<unknown>} promise */
  waitUntil(promise) {
    this.ctx.waitUntil(promise);
  }
}
