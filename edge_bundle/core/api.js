/** The HTTP interface under the prefix, the same on every platform. */

import { cookieHeaders, failure, fragment, json, script } from "./answers.js";
import { isBrowser, isTrusted } from "./callers.js";
import { decideSlots } from "./decide.js";
import { MAX_BATCH_BYTES, stampEvents } from "./events.js";
import { answerFlags } from "./ofrep.js";
import { Refusal, parseObject, readSlots, withBody } from "./requests.js";
import { isCrawler, visitOf } from "./visit.js";

/**
 * @typedef {import("./visit.js").Call} Call
 * @typedef {import("./edge.js").Edge} Edge
 * @typedef {import("./loader.js").Loader} Loader
 * @typedef {import("./answers.js").Answer} Answer
 *
 * @typedef {object} Assets scripts that pages load
 * @property {string} sdk
 * @property {string} consent
 */

const MAX_DECIDE_BYTES = 65_536;

/**
 * Answer a call under the prefix, or null when it is not one of ours.
 * @param {Edge} edge
 * @param {Loader} loader
 * @param {Call} call
 * @param {{assets: Assets, collect: (path: string, body: string) => Promise<boolean>}} host
 * @returns {Promise<Answer|null>}
 */
export async function answer(edge, loader, call, host) {
  const { prefix } = edge.config;
  const path = call.url.pathname;
  if (path === "/.well-known/gpc.json") return json(200, { gpc: true, lastUpdate: "2026-11-01" });
  if (path.startsWith("/ofrep/")) return answerFlags(edge, loader, call);
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return null;
  try {
    return await route(edge, loader, call, path.slice(prefix.length + 1), host);
  } catch (error) {
    if (error instanceof Refusal) return failure(error.status, error.code, error.message);
    loader.health.fault("api_error", error instanceof Error ? error.message : "");
    return failure(503, "unavailable", "the edge could not answer; the page's own content stands");
  }
}

/**
 * @param {Edge} edge
 * @param {Loader} loader
 * @param {Call} call
 * @param {string} path
 * @param {Parameters<typeof answer>[3]} host
 */
async function route(edge, loader, call, path, host) {
  if (path === "decide") return only("POST", call) ?? decide(edge, loader, call);
  if (path === "health") return only("GET", call) ?? json(200, await edge.report(loader));
  if (path === "sdk.js") return only("GET", call) ?? script(host.assets.sdk);
  if (path === "consent.js") return only("GET", call) ?? script(host.assets.consent);
  if (path.startsWith("slot/")) return only("GET", call) ?? slot(edge, loader, call, path.slice(5));
  if (path.startsWith("v1/")) {
    return only("POST", call) ?? events(edge, loader, call, path, host.collect);
  }
  throw new Refusal(404, "not_found", "nothing here");
}

/** @param {string} method @param {Call} call */
function only(method, call) {
  if (call.method === method || (method === "GET" && call.method === "HEAD")) return null;
  return failure(405, "method_not_allowed", `use ${method}`, [["allow", method]]);
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call */
async function decide(edge, loader, call) {
  const body = parseObject(await call.body(MAX_DECIDE_BYTES));
  const trusted = isTrusted(edge, call);
  const { release, fresh } = await liveRelease(edge, loader);
  const slots = readSlots(body.slots, release.rules.slots);
  const known = await visitOf(call, loader);
  const visit = withBody(known.visit, body, trusted);
  const { segments, decisions } = await decideSlots(loader, release, fresh, visit, slots);
  const shown = Object.entries(decisions).map(([name, { html, reason, ...rest }]) => [
    name,
    trusted ? { ...rest, reason } : rest,
  ]);
  const result = { release: release.id, decisions: Object.fromEntries(shown) };
  return json(200, trusted ? { ...result, segments } : result, cookieHeaders(known.cookies));
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {string} encoded */
async function slot(edge, loader, call, encoded) {
  const name = decodeName(encoded);
  const { release, fresh } = await liveRelease(edge, loader);
  if (!(name in release.rules.slots)) throw new Refusal(404, "unknown_slot", "no such slot");
  if (isCrawler(call)) return fragment("", []);
  const { visit, cookies } = await visitOf(call, loader);
  const query = call.url.searchParams;
  const page = { item: query.get("item") ?? undefined, category: query.get("category") ?? undefined };
  const asked = withBody(visit, { page }, false);
  const { decisions } = await decideSlots(loader, release, fresh, asked, [{ name }]);
  const { id, html } = decisions[name];
  return fragment(html, [["frontshelf-decision", id], ...cookieHeaders(cookies)]);
}

/**
 * Pass events on. The answer is 200 only once the collector has them.
 * @param {Edge} edge
 * @param {Loader} loader
 * @param {Call} call
 * @param {string} path
 * @param {(path: string, body: string) => Promise<boolean>} collect
 */
async function events(edge, loader, call, path, collect) {
  const text = await call.body(MAX_BATCH_BYTES);
  const server = isTrusted(edge, call) && !isBrowser(call);
  const { visit } = await visitOf(call, loader);
  if (!server && !visit.consent.analytics) {
    throw new Refusal(403, "no_consent", "the visitor has not consented to analytics");
  }
  if (isCrawler(call)) return json(200, { success: true });
  parseObject(text);
  const body = server ? text : stampEvents(text, visit, call.header("user-agent") ?? "");
  if (await collect(`/${path}`, body)) return json(200, { success: true });
  return failure(503, "collector_unavailable", "try again", [["retry-after", "5"]]);
}

/** @param {Edge} edge @param {Loader} loader */
async function liveRelease(edge, loader) {
  const { release, fresh } = await edge.releases.ready(loader);
  if (!release) throw new Refusal(503, "no_release", "no release is live here yet; deploy one");
  return { release, fresh };
}

/** @param {string} encoded */
function decodeName(encoded) {
  let name;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    name = "";
  }
  if (!/^[\w.-]{1,100}$/.test(name)) throw new Refusal(400, "bad_request", "malformed slot name");
  return name;
}
