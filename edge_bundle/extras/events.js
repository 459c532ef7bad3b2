/** Passes batches of events on to the collector: who sent one is the worker's word, not theirs. */

import { bodyOf, parseObject } from "./bodies.js";
import { isBrowser, isTrusted } from "./callers.js";
import { core } from "./core.js";
import { Decided } from "./exposures.js";

const { Refusal, cookieHeaders, failure, isCrawler, json, only, setCookie, visitOf } = core;

/**
 * @typedef {import("../core/visit.js").Call} Call
 * @typedef {import("../core/visit.js").Visit} Visit
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/loader.js").Loader} Loader
 */

/** Largest batch, as Segment's and the collector's. */
const MAX_BATCH_BYTES = 4_000_000;
const MAX_CALLS = 1000;
/** What the collector takes; nothing else is passed on. */
const KINDS = ["batch", "track", "page", "screen", "identify", "group", "alias"].map((name) => `v1/${name}`);

/**
 * Pass events on. The answer is 200 only once the collector has them.
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {string} path
 * @param {import("../core/api.js").Host} host
 */
export async function answer(edge, loader, call, path, { collect }) {
  if (!KINDS.includes(path)) throw new Refusal(404, "not_found", "nothing here");
  const wrong = only("POST", call);
  if (wrong) return wrong;
  const text = await bodyOf(call, MAX_BATCH_BYTES);
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

/** @param {Edge} edge @param {Loader} loader @param {Visit} visit @param {string} text */
async function decidedFor({ releases }, loader, visit, text) {
  if (!text.includes('"decision"')) return new Decided([], visit);
  const seen = await loader.settled(() => releases.ready(loader, visit));
  const others = [releases.live, releases.before, releases.canary?.release];
  return new Decided([...new Set([seen?.release, ...others])], visit);
}

/**
 * @param {string} text a Segment batch, or a single call
 * @param {Visit} visit
 * @param {string} agent
 * @param {Decided} decided
 * @returns {string} the body to pass on
 */
function stampEvents(text, visit, agent, decided) {
  const body = parseObject(text);
  const calls = Array.isArray(body.batch) ? body.batch : [body];
  if (calls.length > MAX_CALLS) {
    throw new Refusal(400, "bad_request", `at most ${MAX_CALLS} events a batch`);
  }
  for (const call of calls) {
    stamp(call, visit, agent);
    const { properties } = call;
    if (properties?.decision) {
      properties.decision = decided.tell(properties.decision, properties.exposure);
    }
  }
  try {
    return JSON.stringify(body);
  } catch {
    throw new Refusal(400, "bad_request", "the events nest too deep");
  }
}

/** @param {any} call @param {Visit} visit @param {string} agent */
function stamp(call, visit, agent) {
  if (typeof call !== "object" || call === null || Array.isArray(call)) {
    throw new Refusal(400, "bad_request", "batch[] must hold objects");
  }
  const { personalization, analytics } = visit.consent;
  call.anonymousId = visit.device ?? undefined;
  call.userId = visit.user ?? undefined;
  const context = typeof call.context === "object" && call.context !== null ? call.context : {};
  call.context = {
    ...context,
    decision: undefined, // its place is among the properties, where it is looked into
    consent: { personalization, analytics },
    country: visit.facts.country ?? undefined,
    device: visit.facts.device,
    userAgent: agent,
  };
}
