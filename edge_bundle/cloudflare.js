/** The worker on Cloudflare (and workerd): requests in, pages and answers out. */

import consentScript from "./consent.js";
import { answer } from "./core/api.js";
import { Edge } from "./core/edge.js";
import { servePage } from "./page.js";
import { Refusal } from "./core/requests.js";
import sdkScript from "./sdk.js";

const ASSETS = { sdk: sdkScript, consent: consentScript };

/** @type {WeakMap<object, Edge>} one per isolate; `env` is the same object while it lives */
const edges = new WeakMap();

export default {
  /** @param {Request} request @param {any} env @param {any} ctx */
  async fetch(request, env, ctx) {
    let edge = edges.get(env);
    if (!edge) edges.set(env, (edge = new Edge(env)));
    const call = callOf(request);
    const loader = edge.loader(platformOf(env, ctx));
    const collect = (/** @type {string} */ path, /** @type {string} */ body) =>
      passOn(env, edge.config.collectUrl, path, body);
    const own = await answer(edge, loader, call, { assets: ASSETS, collect });
    if (own) {
      const empty = own.status === 204 || own.status === 304 || request.method === "HEAD";
      return new Response(empty ? null : own.body, { status: own.status, headers: own.headers });
    }
    return servePage(edge, loader, call, request);
  },
};

/** @param {Request} request @returns {import("./core/visit.js").Call} */
function callOf(request) {
  const cf = /** @type {any} */ (request).cf ?? {};
  return {
    method: request.method,
    url: new URL(request.url),
    header: (name) => request.headers.get(name),
    country: cf.country ?? request.headers.get("cf-ipcountry"),
    region: cf.regionCode ?? null,
    body: (limit) => readBody(request, limit),
  };
}

/** @param {Request} request @param {number} limit */
async function readBody(request, limit) {
  const tooLong = () => new Refusal(413, "too_large", `at most ${limit} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw tooLong();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of /** @type {any} */ (request.body ?? [])) {
    bytes += chunk.length;
    if (bytes > limit) throw tooLong();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** @param {any} env @param {any} ctx @returns {import("./core/platform.js").Platform} */
function platformOf(env, ctx) {
  return {
    get: (key, keepSeconds) => env.SHELF.get(key, { type: "arrayBuffer", cacheTtl: keepSeconds }),
    sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
    verify: async (key, signature, message) => {
      const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
      return crypto.subtle.verify("Ed25519", imported, signature, message);
    },
    hmac: async (key, message) => {
      const algorithm = { name: "HMAC", hash: "SHA-256" };
      const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
      return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
    },
    now: () => Date.now(),
    random,
    waitUntil: (promise) => ctx.waitUntil(promise),
  };
}

/** Random bytes are drawn many at a time: a call costs more than its bytes. */
const pool = new Uint8Array(2048);
let drawn = pool.length;

/** @param {number} count */
function random(count) {
  if (drawn + count > pool.length) {
    crypto.getRandomValues(pool);
    drawn = 0;
  }
  drawn += count;
  return pool.slice(drawn - count, drawn);
}

/** @param {any} env @param {string} collectUrl @param {string} path @param {string} body */
async function passOn(env, collectUrl, path, body) {
  const collector = env.COLLECT ?? (collectUrl ? globalThis : null);
  if (!collector) return false;
  const url = (collectUrl || "http://collect").replace(/\/$/, "") + path;
  const headers = { "content-type": "application/json" };
  try {
    const response = await collector.fetch(url, { method: "POST", headers, body });
    if (response.status >= 400 && response.status < 500) {
      throw new Refusal(400, "bad_event", (await response.text()).slice(0, 500));
    }
    return response.ok;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return false;
  }
}
