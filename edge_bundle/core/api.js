/** The HTTP interface under the prefix, the same on every platform. */

import { cookieHeaders, failure, fragment, json, script } from "./answers.js";
import { isBrowser, isTrusted } from "./callers.js";
import { setCookie } from "./cookies.js";
import { decideOne, decideSlots } from "./decide.js";
import { MAX_BATCH_BYTES, stampEvents } from "./events.js";
import { Decided } from "./exposures.js";
import { needsOf } from "./needs.js";
import { Refusal, pageOf, parseObject, readSlots, withBody } from "./requests.js";
import { Scene } from "./scene.js";
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
 *
 * @typedef {{assets: Assets, collect: (path: string, body: string) => Promise<boolean>}} Host
 */

/** What it takes to say in which segments somebody is. */
const SEGMENTS = { items: false, visitor: true, segments: true, first: [], attributes: [], weights: [] };
const MAX_DECIDE_BYTES = 65_536;
/** What the collector takes; nothing else is passed on. */
const EVENTS = /^v1\/(batch|track|page|screen|identify|group|alias)$/;

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
  if (path.startsWith("/ofrep/")) return flags(edge, loader, call);
  if (path === "/.well-known/gpc.json") return json(200, { gpc: true, lastUpdate: "2026-11-01" });
  return null;
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call */
async function flags(edge, loader, call) {
  const { answerFlags } = edge.extras.flags ?? (await edge.extra("flags")) ?? {};
  if (answerFlags) return answerFlags(edge, loader, call);
  return json(500, { errorCode: "GENERAL", errorDetails: "the edge could not answer; use your defaults" });
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {Host} host */
function answerOwn(edge, loader, call, host) {
  const refused = (/** @type {unknown} */ error) => refusal(loader, error);
  try {
    const made = route(edge, loader, call, call.path.slice(edge.config.prefix.length + 1), host);
    return made instanceof Promise ? made.catch(refused) : made;
  } catch (error) {
    return refused(error);
  }
}

/** @param {Loader} loader @param {unknown} error @returns {Answer} */
function refusal({ health }, error) {
  if (error instanceof Refusal) return failure(error.status, error.code, error.message);
  health.fault("api_error", error instanceof Error ? error.message : "");
  return failure(503, "unavailable", "the edge could not answer; the page's own content stands");
}

/**
 * @param {Edge} edge
 * @param {Loader} loader
 * @param {Call} call
 * @param {string} path
 * @param {Host} host
 * @returns {Answer|Promise<Answer>}
 */
function route(edge, loader, call, path, host) {
  if (path.startsWith("slot/")) return only("GET", call) ?? slot(edge, loader, call, path.slice(5));
  if (path === "decide") return only("POST", call) ?? decide(edge, loader, call);
  if (path === "health") return only("GET", call) ?? health(edge, loader);
  if (path === "sdk.js") return only("GET", call) ?? script(host.assets.sdk);
  if (path === "preview.css") return only("GET", call) ?? ribbonCss(edge);
  if (path === "consent.js") return only("GET", call) ?? script(host.assets.consent);
  if (EVENTS.test(path)) {
    return only("POST", call) ?? events(edge, loader, call, path, host.collect);
  }
  throw new Refusal(404, "not_found", "nothing here");
}

/** @param {Edge} edge */
async function ribbonCss(edge) {
  return script((await edge.extra("ribbon"))?.RIBBON_CSS ?? "", "style");
}

/** @param {string} method @param {Call} call */
function only(method, call) {
  if (call.method === method || (method === "GET" && call.method === "HEAD")) return null;
  return failure(405, "method_not_allowed", `use ${method}`, [["allow", method]]);
}

/** @param {Edge} edge @param {Loader} loader */
function health(edge, loader) {
  return made(loader, () => {
    const report = edge.report(loader);
    return report && json(200, report);
  });
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call */
async function decide(edge, loader, call) {
  const body = parseObject(await call.body(MAX_DECIDE_BYTES));
  const trusted = isTrusted(edge, call);
  const told = (trusted || loader.preview) && body.explain === true ? await edge.extra("explain") : null;
  const explain = told && told.explainer(edge, loader.platform.now());
  return made(loader, () => decideNow(edge, loader, call, body, trusted, explain));
}

/**
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {any} body
 * @param {boolean} trusted
 * @param {ReturnType<import("../extras/explain.js")["explainer"]>|null} explain
 * @returns {Answer|null} null while values are missing
 */
function decideNow(edge, loader, call, body, trusted, explain) {
  const live = liveRelease(edge, loader);
  if (!live) return null;
  const { release, fresh } = live;
  const slots = readSlots(body.slots, release.rules.slots);
  const known = visitOf(call, loader);
  const scene = new Scene(loader, release, fresh, withBody(known.visit, body, trusted));
  const open = trusted || loader.preview !== null;
  if (open && !scene.lookUp(SEGMENTS)) {
    for (const { name } of slots) scene.lookUp(needsOf(release, name));
    return null;
  }
  const decided = decideSlots(scene, slots);
  if (!decided) return null;
  /** @type {Record<string, any>} */
  const decisions = {};
  for (const name in decided) decisions[name] = told(decided[name], open);
  const result = { release: release.id, decisions, segments: open ? scene.segments : undefined };
  if (explain && !explain(scene, slots, decided, result)) return null;
  return json(200, result, cookieHeaders(known.cookies));
}

/** What a caller is told of a decision. @param {import("./decide.js").Decision} decision @param {boolean} open whether reasons too */
function told({ content, items, experiment, id, reason }, open) {
  return open ? { content, items, experiment, id, reason } : { content, items, experiment, id };
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {string} name */
function slot(edge, loader, call, name) {
  if (!/^[\w.-]{1,100}$/.test(name)) throw new Refusal(400, "bad_request", "malformed slot name");
  return made(loader, () => slotNow(edge, loader, call, name));
}

/**
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {string} asked
 * @returns {Answer|null} null while values are missing
 */
function slotNow(edge, loader, call, asked) {
  const live = liveRelease(edge, loader);
  if (!live) return null;
  const { release, fresh } = live;
  // The release's own string from here on: V8 has to look up one cut from a URL at each use.
  const name = release.names.get(asked);
  if (name === undefined) throw new Refusal(404, "unknown_slot", "no such slot");
  if (isCrawler(call)) return fragment("", []);
  const { visit, cookies } = visitOf(call, loader);
  if (call.query) visit.page = pageOfQuery(call);
  const decision = decideOne(new Scene(loader, release, fresh, visit, "utf8"), name);
  return decision ? fragment(decision.html, cookieHeaders(cookies), decision.id) : null;
}

/** @param {Call} call */
function pageOfQuery({ url: { searchParams } }) {
  return pageOf({
    item: searchParams.get("item") ?? undefined,
    category: searchParams.get("category") ?? undefined,
  });
}

/**
 * Return the answer that `attempt` makes, at once when memory has all it takes.
 * @param {Loader} loader @param {() => Answer|null} attempt
 */
function made(loader, attempt) {
  return /** @type {Answer|Promise<Answer>} */ (loader.settled(attempt));
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
  // What is done in a preview is nobody's behaviour.
  if (loader.preview) return json(200, { success: true });
  const server = isTrusted(edge, call) && !isBrowser(call);
  const { visit } = visitOf(call, loader);
  const { secure } = call;
  if (!server && !visit.consent.analytics) {
    throw new Refusal(403, "no_consent", "the visitor has not consented to analytics");
  }
  if (isCrawler(call)) return json(200, { success: true });
  parseObject(text);
  const decided = await decidedFor(edge, loader, visit, text);
  const body = server ? text : stampEvents(text, visit, call.header("user-agent") ?? "", decided);
  if (await collect(`/${path}`, body)) {
    const { sticky } = decided;
    const cookies = sticky === visit.sticky ? [] : [setCookie("fs_exp", sticky, { secure })];
    return json(200, { success: true }, cookieHeaders(cookies));
  }
  return failure(503, "collector_unavailable", "try again", [["retry-after", "5"]]);
}

/** @param {Edge} edge @param {Loader} loader @param {import("./visit.js").Visit} visit @param {string} text */
async function decidedFor({ releases }, loader, visit, text) {
  if (!text.includes('"decision"')) return new Decided([], visit);
  const live = await loader.settled(() => releases.ready(loader));
  return new Decided([live?.release, releases.before], visit);
}

/** The live release, or null while the head has to be waited for. @param {Edge} edge @param {Loader} loader */
function liveRelease(edge, loader) {
  const live = edge.releases.ready(loader);
  if (!live) return null;
  const { release, fresh } = live;
  if (!release) throw new Refusal(503, "no_release", "no release is live here yet; deploy one");
  return { release, fresh };
}
