/** Asks the shop's origin, fills its pages, and passes on what is no page to fill. */

import { core } from "../extras/core.js";
import { CONDITIONS, GPC, GPC_PATH, isNavigation, isOurs, isPage } from "../extras/navigation.js";
import { servePage } from "./page.js";

const { isCrawler } = core;

/**
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/visit.js").Call} Call
 * @typedef {(request: Request) => Headers} HeadersOf gives a request's headers without our cookies
 */

/** @type {RequestInit} */
const MANUAL = { redirect: "manual" };

/** What can be asked for at all: anything may stand in a Host header. */
const ADDRESS = /^https?:\/\/([\w.-]+|\[[\da-f:.]+\])(:\d+)?\//i;

/**
 * Give the visitor what the origin has.
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {Request} request
 * @param {HeadersOf} headersOf
 */
export async function passOrFill(edge, loader, call, request, headersOf) {
  if (call.path === GPC_PATH) return new Response(GPC, { headers: { "content-type": "application/json" } });
  const ours = isOurs(edge, call.path);
  const answering = fetchOrigin(call, request, ours, headersOf);
  if (!ours || !isNavigation(call)) {
    const { status, headers } = await answering;
    const page = ours && isPage(call, status, headers.get("content-type")) && !isCrawler(call);
    if (!page && !headers.has("frontshelf-user")) return answering;
  }
  return servePage(edge, loader, call, answering);
}

/**
 * Ask the origin. Our cookies stay here, so that a shared cache keeps the plain page, and a
 * navigation gets a whole page to rewrite; excluded paths go through as they came.
 * @param {Call} call @param {Request} request @param {boolean} ours @param {HeadersOf} headersOf
 */
function fetchOrigin(call, request, ours, headersOf) {
  if (!ours) return fetch(request, MANUAL).catch(() => unreachable(request));
  const headers = headersOf(request);
  if (isNavigation(call)) {
    for (const name of CONDITIONS) headers.delete(name);
    // The platform unpacks no other compressions, zstd for one.
    const known = headers.get("accept-encoding")?.match(/\b(?:gzip|br)\b[^,]*/g);
    headers.set("accept-encoding", known ? known.join(", ") : "identity");
  }
  // A request made first would be made again by `fetch`.
  return fetch(request, { headers, redirect: "manual" }).catch(() => unreachable(request));
}

/** @param {Request} request */
function unreachable({ url }) {
  if (!ADDRESS.test(url)) return new Response("There is no such address.\n", { status: 400 });
  return new Response("The shop's origin cannot be reached.\n", { status: 502 });
}
