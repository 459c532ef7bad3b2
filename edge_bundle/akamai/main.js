/** The worker on Akamai's EdgeWorkers: every decision is made in responseProvider. */

import "./globals.js";
import "./lend.js";
import { createResponse } from "create-response";
import { TextEncoder } from "encoding";
import { httpRequest } from "http-request";
import { logger } from "log";
import { ReadableStream } from "streams";
import { consent, sdk } from "./assets.js";
import { Incoming } from "./call.js";
import { headersOf } from "./core/answers.js";
import { answer } from "./core/api.js";
import { Edge } from "./core/edge.js";
import { Refusal } from "./core/requests.js";
import { Reads } from "./edgekv.js";
import * as canary from "./extras/canary.js";
import * as decide from "./extras/decide.js";
import * as events from "./extras/events.js";
import * as explain from "./extras/explain.js";
import * as format1 from "./extras/format1.js";
import * as health from "./extras/health.js";
import * as flags from "./extras/ofrep.js";
import * as overlays from "./extras/overlays.js";
import * as preview from "./extras/preview.js";
import * as rarer from "./extras/rarer.js";
import * as ribbon from "./extras/ribbon.js";
import * as users from "./extras/users.js";
import * as visitors from "./extras/visitors.js";
import * as weights from "./extras/weights.js";
import { plainPage, servePage } from "./page.js";
import { platformOf } from "./platform.js";
import { settings } from "./settings.js";

const ASSETS = { "sdk.js": sdk, "consent.js": consent };
/** Nothing is loaded at run time here: all is in the bundle. */
/** @type {Record<string, any>} by name */
const EXTRAS = {
  canary, decide, events, explain, flags, format1, health, overlays, preview, rarer, ribbon, users,
  visitors, weights,
};
/** Of the 4 MB that a request may use, what tables may keep. */
const BUDGET_BYTES = 1_000_000;
/** A longer text than 16 KB must be a stream, and a letter takes up to three bytes. */
const MAX_TEXT = 5000;
/** What the property may set over the bundle's settings, as PMUSER_FS_ and the name. */
const FROM_PROPERTY = [
  "MIN_COUNTER", "COLLECT_URL", "API_TOKEN", "COOKIE_KEY", "VISITOR_KEYS", "LOCAL_APIS",
];

/** Kept should this memory outlive the request; nothing relies on it. */
/** @type {{settings: string, edge: Edge}|undefined} */
let kept;

/** @param {any} request @returns {Promise<object>} */
export async function responseProvider(request) {
  const { edge, env } = edgeOf(request);
  const call = new Incoming(request);
  try {
    return await serve(edge, env, call, request);
  } catch (error) {
    // The last rung: what should never fail has failed, and the visitor gets what the shop has.
    edge.health.fault("uncaught", String(error));
    return plainPage(call, request);
  }
}

/** @param {Edge} edge @param {Record<string, string>} env @param {Incoming} call @param {any} request */
async function serve(edge, env, call, request) {
  const reads = new Reads({
    namespace: env.EDGEKV_NAMESPACE, group: env.EDGEKV_GROUP, timeoutMs: edge.config.readMs,
  });
  const loader = edge.loader(platformOf(reads));
  const collect = (/** @type {string} */ path, /** @type {string} */ body) =>
    passOn(env.COLLECT_URL, path, body);
  const own = await answer(edge, loader, call, { assets: ASSETS, collect });
  return own ? responseOf(call, own) : servePage(edge, loader, call, request);
}

/** @param {any} request */
function edgeOf(request) {
  /** @type {Record<string, string>} */
  const env = { ...settings };
  for (const name of FROM_PROPERTY) {
    const value = request.getVariable(`PMUSER_FS_${name}`);
    if (value) env[name] = value;
  }
  const text = JSON.stringify(env);
  if (kept?.settings !== text) kept = { settings: text, edge: new Edge(env, async (name) => EXTRAS[name], BUDGET_BYTES) };
  return { edge: kept.edge, env };
}

/** @param {import("./core/visit.js").Call} call @param {import("./core/answers.js").Answer} made */
function responseOf(call, made) {
  const { status, body } = made;
  /** @type {Record<string, string[]>} */
  const named = {};
  for (const [name, value] of headersOf(made)) (named[name] ??= []).push(value);
  if ([204, 304].includes(status) || call.method === "HEAD") return createResponse(status, named, "");
  if (typeof body !== "string") return createResponse(status, named, streamOf(body));
  const short = body.length <= MAX_TEXT;
  return createResponse(status, named, short ? body : streamOf(new TextEncoder().encode(body)));
}

/** @param {Uint8Array} bytes */
function streamOf(bytes) {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** @param {string|undefined} collectUrl @param {string} path @param {string} body */
async function passOn(collectUrl, path, body) {
  if (!collectUrl) return false;
  const headers = { "content-type": ["application/json"] };
  let response;
  try {
    response = await httpRequest(collectUrl.replace(/\/$/, "") + path, { method: "POST", headers, body });
  } catch (error) {
    logger.log("the collector cannot be reached: %s", error);
    return false;
  }
  if (response.status >= 400 && response.status < 500) {
    throw new Refusal(400, "bad_event", (await response.text()).slice(0, 500));
  }
  return response.ok;
}
