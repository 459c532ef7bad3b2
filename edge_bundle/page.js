/** The origin's page, with its slots filled while it streams by. */

import { cookieHeaders } from "./core/answers.js";
import { withoutOurs } from "./core/cookies.js";
import {
  BODY_HEADERS, CACHING, CONDITIONS, PageSlots, charsetOf, isNavigation, isOurs, isPage, vouchedUser,
} from "./core/pages.js";
import { Splicer } from "./core/splice.js";
import { isCrawler, visitOf } from "./core/visit.js";
import { spliced } from "./pump.js";

/**
 * @typedef {import("./core/edge.js").Edge} Edge
 * @typedef {import("./core/loader.js").Loader} Loader
 * @typedef {import("./core/visit.js").Call} Call
 */

/** @type {RequestInit} */
const MANUAL = { redirect: "manual" };
const UTF8 = new TextDecoder();

/** What can be asked for at all: anything may stand in a Host header. */
const ADDRESS = /^https?:\/\/([\w.-]+|\[[\da-f:.]+\])(:\d+)?\//i;

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {Request} request */
export async function servePage(edge, loader, call, request) {
  const ours = isOurs(edge, call.path);
  const answering = fetchOrigin(call, request, ours);
  const { visit, cookies } = visitOf(call, loader);
  const navigation = ours && isNavigation(call);
  const told = navigation && loader.preview ? await edge.extra("ribbon") : null;
  const slots = new (told ? told.PreviewSlots : PageSlots)(edge, loader, visit);
  if (navigation) slots.prepare();
  const response = await answering;
  const header = (/** @type {string} */ name) => response.headers.get(name);
  const vouched = await vouchedUser(edge, call, header, visit);
  const rewritten = ours && isPage(call, response.status, header("content-type")) && !isCrawler(call);
  if (!rewritten && vouched === null) return response;
  if (vouched !== null) slots.scene = null;
  const page = rewritten && call.method === "GET" ? await filled(edge, slots, response, call) : copyOf(response);
  const { headers } = page;
  headers.delete("frontshelf-user");
  if (vouched) {
    headers.append("set-cookie", vouched);
    for (const name of CACHING) headers.delete(name);
  }
  if (!rewritten) return page;
  headers.set("cache-control", "private, no-store");
  for (const name of BODY_HEADERS) headers.delete(name);
  for (const [name, value] of cookieHeaders(cookies)) {
    if (!(vouched && value.startsWith("fs_u="))) headers.append(name, value);
  }
  return page;
}

/** @param {Edge} edge @param {PageSlots} slots @param {Response} page @param {Call} call */
function filled(edge, slots, page, call) {
  const decoder = decoderOf(page);
  if (!decoder || !page.body) {
    if (page.body) edge.health.fault("page_unreadable", page.headers.get("content-type") ?? "");
    return copyOf(page);
  }
  const told = "ribbon" in slots ? /** @type {import("./extras/ribbon.js").PreviewSlots} */ (slots) : null;
  const last = () => told?.ribbon(call, page.headers.get("content-security-policy")) ?? "";
  return spliced(page, new Splicer(slots, decoder), last);
}

/**
 * What reads the page's text; null for an encoding that nobody knows or that doesn't hold ASCII
 * as ASCII, and for a compression that the platform doesn't unpack. @param {Response} page
 */
function decoderOf({ headers }) {
  if (!/^(gzip|br|identity)?$/i.test(headers.get("content-encoding") ?? "")) return null;
  const charset = charsetOf(headers.get("content-type"));
  if (/^utf-?8$/i.test(charset)) return UTF8;
  try {
    const decoder = new TextDecoder(charset);
    return /^(utf-16|iso-2022|replacement)/.test(decoder.encoding) ? null : decoder;
  } catch {
    return null;
  }
}

/** What the shop has, without a decision. Throws when it cannot be asked. @param {Request} request */
export async function plainPage(request) {
  const page = copyOf(await fetch(request, { headers: headersOf(request), redirect: "manual" }));
  page.headers.delete("frontshelf-user");
  return page;
}

/** The origin's answer with headers that can be changed. @param {Response} response */
function copyOf(response) {
  return new Response(response.body, response);
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
