/** Asks the shop's origin, and passes on what is no page to fill. */

import { withoutOurs } from "./core/cookies.js";
import { CONDITIONS, isNavigation, isOurs, isPage } from "./core/navigation.js";
import { isCrawler } from "./core/visit.js";

/**
 * @typedef {import("./core/edge.js").Edge} Edge
 * @typedef {import("./core/loader.js").Loader} Loader
 * @typedef {import("./core/visit.js").Call} Call
 */

/** @type {RequestInit} */
const MANUAL = { redirect: "manual" };

/** What can be asked for at all: anything may stand in a Host header. */
const ADDRESS = /^https?:\/\/([\w.-]+|\[[\da-f:.]+\])(:\d+)?\//i;

/**
 * Give the visitor what the origin has. What fills pages is loaded for the first, while the origin
 * answers; where it can't be had, pages stay the shop's own.
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {Request} request
 */
export async function passOrFill(edge, loader, call, request) {
  const ours = isOurs(edge, call.path);
  const answering = fetchOrigin(call, request, ours);
  if (!ours || !isNavigation(call)) {
    const { status, headers } = await answering;
    const page = ours && isPage(call, status, headers.get("content-type")) && !isCrawler(call);
    if (!page && !headers.has("frontshelf-user")) return answering;
  }
  const filling = await edge.extra("page");
  return filling ? filling.servePage(edge, loader, call, answering) : unmarked(await answering);
}

/** What the shop has, without a decision. Throws when it cannot be asked. @param {Request} request */
export async function plainPage(request) {
  return unmarked(await fetch(request, { headers: headersOf(request), redirect: "manual" }));
}

/** The origin's answer without what it says to us alone. @param {Response} response */
function unmarked(response) {
  const page = new Response(response.body, response);
  page.headers.delete("frontshelf-user");
  return page;
}

/**
 * Ask the origin. Our cookies stay here, so that a shared cache keeps the plain page, and a
 * navigation gets a whole page to rewrite; excluded paths go through as they came.
 * @param {Call} call @param {Request} request @param {boolean} ours
 */
function fetchOrigin(call, request, ours) {
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

/** The headers of a request without our cookies. @param {Request} request */
function headersOf(request) {
  const headers = new Headers(request.headers);
  const sent = headers.get("cookie");
  if (sent === null) return headers;
  const cookies = withoutOurs(sent);
  if (cookies) headers.set("cookie", cookies);
  else headers.delete("cookie");
  return headers;
}

/** @param {Request} request */
function unreachable({ url }) {
  if (!ADDRESS.test(url)) return new Response("There is no such address.\n", { status: 400 });
  return new Response("The shop's origin cannot be reached.\n", { status: 502 });
}
