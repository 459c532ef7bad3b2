/** The HTTP interface under the prefix, the same on every platform. */

import { cookieHeaders, failure, fragment, json, script } from "./answers.js";
import { decideOne } from "./decide.js";
import { UTF8 } from "./render.js";
import { Refusal, isShort, refuse } from "./requests.js";
import { Scene } from "./scene.js";
import { isCrawler, visitOf } from "./visit.js";

/**
 * @typedef {import("./visit.js").Call} Call
 * @typedef {import("./edge.js").Edge} Edge
 * @typedef {import("./loader.js").Loader} Loader
 * @typedef {import("./answers.js").Answer} Answer
 *
 * @typedef {object} Host
 * @property {Record<string, string>} assets scripts that pages load, by name
 * @property {(path: string, body: string) => Promise<boolean>} collect
 */

/**
 * Answer a call under the prefix, or null when it is not one of ours. The answer is there at
 * once when memory has all it takes.
 * @param {Edge} edge
 * @param {Loader} loader
 * @param {Call} call
 * @param {Host} host
 * @returns {Answer|null|Promise<Answer|null>}
 */
export function answer(edge, loader, call, host) {
  return mayPreview(call) ? previewed(edge, loader, call, host) : answerOurs(edge, loader, call, host);
}

/** Say whether a call may have to do with previews: all that others pay. @param {Call} call */
function mayPreview(call) {
  return call.header("cookie")?.includes("fs_p=") || (call.query && call.url.search.includes("fs_preview"));
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {Host} host */
async function previewed(edge, loader, call, host) {
  const begun = (await edge.extra("preview"))?.openPreview(edge, loader, call);
  return begun ?? answerOurs(edge, loader, call, host);
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {Host} host */
function answerOurs(edge, loader, call, host) {
  const { prefix } = edge.config;
  const { path } = call;
  if (path.startsWith(prefix)) {
    const next = path[prefix.length];
    if (next === "/" || next === undefined) return answerOwn(edge, loader, call, host);
  }
  if (path.startsWith("/ofrep/")) return edge.extras.flags?.answer(edge, loader, call) ?? flags(edge, loader, call);
  return null;
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call @returns {Promise<Answer>} */
async function flags(edge, loader, call) {
  const extra = await edge.extra("flags");
  if (extra) return extra.answer(edge, loader, call);
  return json(500, { errorCode: "GENERAL", errorDetails: "the edge could not answer" });
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {Host} host */
function answerOwn(edge, loader, call, host) {
  try {
    const made = route(edge, loader, call, call.path.slice(edge.config.prefix.length + 1), host);
    return made instanceof Promise ? made.catch((error) => refusal(loader, error)) : made;
  } catch (error) {
    return refusal(loader, error);
  }
}

/** @param {Loader} loader @param {unknown} error @returns {Answer} */
function refusal({ health }, error) {
  if (error instanceof Refusal) return failure(error.status, error.code, error.message);
  health.fault("api_error", error instanceof Error ? error.message : "");
  return unavailable();
}

function unavailable() {
  return failure(503, "unavailable", "the edge could not answer");
}

/**
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {string} path @param {Host} host
 * @returns {Answer|Promise<Answer>}
 */
function route(edge, loader, call, path, host) {
  if (path.startsWith("slot/")) {
    // At once when memory has all it takes.
    const made = only("GET", call) ?? loader.settled(() => slotNow(edge, loader, call, path.slice(5)));
    return /** @type {Answer|Promise<Answer>} */ (made);
  }
  if (Object.hasOwn(host.assets, path)) return only("GET", call) ?? script(host.assets[path]);
  const name = moduleOf(path);
  if (!name) throw new Refusal(404, "not_found", "nothing here");
  const extra = edge.extra(name);
  const ask = (/** @type {any} */ loaded) =>
    loaded ? loaded.answer(edge, loader, call, path, host) : unavailable();
  return extra instanceof Promise ? extra.then(ask) : ask(extra);
}

/** The module of extras/ that answers what else is under the prefix. @param {string} path */
function moduleOf(path) {
  if (path === "decide" || path === "health") return path;
  if (path === "preview.css") return "ribbon";
  return path.startsWith("v1/") && "events";
}

/** @param {string} method @param {Call} call */
export function only(method, call) {
  if (call.method === method || (method === "GET" && call.method === "HEAD")) return null;
  return failure(405, "method_not_allowed", `use ${method}`, [["allow", method]]);
}

/**
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {string} asked
 * @returns {Answer|null} null while values are missing
 */
function slotNow(edge, loader, call, asked) {
  if (isCrawler(call)) return fragment("", []);
  const { visit, cookies } = visitOf(call, loader);
  const live = liveRelease(edge, loader, visit);
  if (!live) return null;
  const { release, fresh } = live;
  // The release's own string from here on: V8 has to look up one cut from a URL at each use.
  const name = release.names.get(asked);
  if (name === undefined) throw new Refusal(/[^\w.-]/.test(asked) ? 400 : 404, "unknown_slot", "no such slot");
  if (call.query) visit.page = pageOfQuery(call);
  const decision = decideOne(new Scene(loader, release, fresh, visit, UTF8), name);
  return decision ? fragment(decision.html, cookieHeaders(cookies), decision.id) : null;
}

/** @param {Call} call */
function pageOfQuery({ url: { searchParams } }) {
  const [item, category] = ["item", "category"].map((name) => searchParams.get(name) ?? "");
  if (!isShort(item) || !isShort(category)) refuse("item or category is too long");
  return { item, category };
}

/**
 * The release that a visit sees, or null while the head has to be waited for.
 * @param {Edge} edge @param {Loader} loader @param {import("./visit.js").Visit} visit
 */
export function liveRelease(edge, loader, visit) {
  const live = edge.releases.ready(loader, visit);
  if (!live) return null;
  const { release, fresh } = live;
  if (!release) throw new Refusal(503, "no_release", "no release is live here yet; deploy one");
  return { release, fresh };
}
