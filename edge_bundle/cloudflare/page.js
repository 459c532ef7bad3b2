/** The origin's page, with its slots filled while it streams by. */

import { core } from "../extras/core.js";
import { isNavigation, isOurs, isPage } from "../extras/navigation.js";
import { BODY_HEADERS, CACHING, PageSlots, charsetOf, vouchedUser } from "../extras/pages.js";
import { Splicer } from "../extras/splice.js";
import { spliced } from "./pump.js";

const { cookieHeaders, isCrawler, visitOf } = core;

/**
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/visit.js").Call} Call
 */

const UTF8 = new TextDecoder();

/**
 * @param {Edge} edge @param {Loader} loader @param {Call} call
 * @param {Response|Promise<Response>} answering the origin
 */
export async function servePage(edge, loader, call, answering) {
  const ours = isOurs(edge, call.path);
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
  const told = "ribbon" in slots ? /** @type {import("../extras/ribbon.js").PreviewSlots} */ (slots) : null;
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

/** The origin's answer with headers that can be changed. @param {Response} response */
function copyOf(response) {
  return new Response(response.body, response);
}
