/** The origin's page, streamed through HTMLRewriter with its slots filled. */

import { cookieHeaders } from "./core/answers.js";
import { withoutOurs } from "./core/cookies.js";
import {
  BODY_HEADERS, CACHING, CONDITIONS, PageSlots, isNavigation, isOurs, isPage, vouchedUser,
} from "./core/pages.js";
import { PreviewSlots } from "./core/ribbon.js";
import { isCrawler, visitOf } from "./core/visit.js";

/**
 * @typedef {import("./core/edge.js").Edge} Edge
 * @typedef {import("./core/loader.js").Loader} Loader
 * @typedef {import("./core/visit.js").Call} Call
 */

/** What can be asked for at all: anything may stand in a Host header. */
const ADDRESS = /^https?:\/\/([\w.-]+|\[[\da-f:.]+\])(:\d+)?\//i;

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {Request} request */
export async function servePage(edge, loader, call, request) {
  const ours = isOurs(edge, call.path);
  const answering = fetchOrigin(call, request, ours);
  const { visit, cookies } = visitOf(call, loader);
  const response = await answering;
  const header = (/** @type {string} */ name) => response.headers.get(name);
  const vouched = vouchedUser(edge, call, header, visit);
  const page = ours && isPage(call, response.status, header("content-type"));
  const rewritten = page && !isCrawler(call);
  if (!rewritten && vouched === null) return response;
  const headers = new Headers(response.headers);
  headers.delete("frontshelf-user");
  if (vouched) {
    headers.append("set-cookie", vouched);
    for (const name of CACHING) headers.delete(name);
  }
  if (!rewritten) return new Response(response.body, { ...statusOf(response), headers });
  headers.set("cache-control", "private, no-store");
  for (const name of BODY_HEADERS) headers.delete(name);
  for (const [name, value] of cookieHeaders(cookies)) {
    if (!(vouched && value.startsWith("fs_u="))) headers.append(name, value);
  }
  const plain = new Response(response.body, { ...statusOf(response), headers });
  if (call.method === "HEAD") return plain;
  try {
    return fillSlots(edge, loader, visit, plain, call);
  } catch (error) {
    // The parser knows neither UTF-16 nor an encoding that nobody knows.
    loader.health.fault("page_unreadable", String(error));
    return plain;
  }
}

/** What the shop has, without a decision. Throws when it cannot be asked. @param {Request} request */
export async function plainPage(request) {
  const sent = { headers: withoutCookies(request), redirect: "manual" };
  const response = await fetch(new Request(request, /** @type {RequestInit} */ (sent)));
  const headers = new Headers(response.headers);
  headers.delete("frontshelf-user");
  return new Response(response.body, { ...statusOf(response), headers });
}

/** @param {any} response */
function statusOf({ status, statusText, webSocket }) {
  return { status, statusText, webSocket };
}

/**
 * Ask the origin. Our cookies stay here, so that a shared cache keeps the plain page, and a
 * navigation gets a whole page to rewrite; excluded paths go through as they came.
 * @param {Call} call @param {Request} request @param {boolean} ours
 */
function fetchOrigin(call, request, ours) {
  if (!ours) return ask(new Request(request, { redirect: "manual" }));
  const headers = withoutCookies(request);
  if (isNavigation(call)) {
    for (const name of CONDITIONS) headers.delete(name);
    // The rewriter reads no other compressions, zstd for one.
    const known = headers.get("accept-encoding")?.match(/\b(?:gzip|br)\b[^,]*/g);
    headers.set("accept-encoding", known ? known.join(", ") : "identity");
  }
  return ask(new Request(request, { headers, redirect: "manual" }));
}

/** The headers of a request without our cookies. @param {Request} request */
function withoutCookies(request) {
  const headers = new Headers(request.headers);
  const cookies = withoutOurs(headers.get("cookie"));
  if (cookies) headers.set("cookie", cookies);
  else headers.delete("cookie");
  return headers;
}

/** @param {Request} request */
async function ask(request) {
  try {
    return await fetch(request);
  } catch {
    if (!ADDRESS.test(request.url)) return new Response("There is no such address.\n", { status: 400 });
    return new Response("The shop's origin cannot be reached.\n", { status: 502 });
  }
}

/**
 * @param {Edge} edge @param {Loader} loader
 * @param {import("./core/visit.js").Visit} visit @param {Response} page @param {Call} call
 */
function fillSlots(edge, loader, visit, page, call) {
  const told = loader.preview && isNavigation(call) ? new PreviewSlots(edge, loader, visit) : null;
  const slots = told ?? new PageSlots(edge, loader, visit);
  const facts = { item: "", category: "" };
  const body = (/** @type {any} */ element) => {
    facts.item = element.getAttribute("data-fs-item") ?? "";
    facts.category = element.getAttribute("data-fs-category") ?? "";
  };
  const element = (/** @type {any} */ element) => {
    const decided = slots.decide(element.getAttribute("data-fs-slot") ?? "", {
      item: element.getAttribute("data-fs-item") ?? facts.item,
      category: element.getAttribute("data-fs-category") ?? facts.category,
    });
    // The page waits for a promise, and only for a promise.
    if (decided instanceof Promise) return decided.then((made) => fillSlot(element, made));
    fillSlot(element, decided);
  };
  const rewriter = new HTMLRewriter().on("body", { element: body });
  for (const tag of edge.config.slotTags) rewriter.on(`${tag}[data-fs-slot]`, { element });
  if (told) {
    const policy = page.headers.get("content-security-policy");
    rewriter.onDocument({
      end: (/** @type {any} */ end) => end.append(told.ribbon(call, policy), { html: true }),
    });
  }
  return rewriter.transform(page);
}

/** @param {any} element @param {import("./core/decide.js").Decision|null} decision */
function fillSlot(element, decision) {
  if (!decision) return;
  element.setAttribute("data-fs-decision", decision.id);
  if (typeof decision.html === "string") element.setInnerContent(decision.html, { html: true });
}
