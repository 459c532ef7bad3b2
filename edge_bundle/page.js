/** The origin's page, streamed through HTMLRewriter with its slots filled. */

import { cookieHeaders } from "./core/answers.js";
import { pathMatches } from "./core/config.js";
import { setCookie, withoutOurs } from "./core/cookies.js";
import { decideSlots } from "./core/decide.js";
import { signUser } from "./core/identity.js";
import { within } from "./core/platform.js";
import { isCrawler, visitOf } from "./core/visit.js";

/**
 * @typedef {import("./core/edge.js").Edge} Edge
 * @typedef {import("./core/loader.js").Loader} Loader
 * @typedef {import("./core/visit.js").Call} Call
 */

/** Statements about a body that the rewritten one no longer keeps. */
const BODY_HEADERS = [
  "etag", "last-modified", "expires", "age", "content-length", "accept-ranges", "content-md5",
  "digest", "content-digest", "repr-digest",
];
const CONDITIONS = ["if-none-match", "if-modified-since", "if-range", "range"];

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {Request} request */
export async function servePage(edge, loader, call, request) {
  const { include, exclude } = edge.config;
  const path = call.url.pathname;
  const ours = pathMatches(path, include) && !pathMatches(path, exclude);
  const answering = fetchOrigin(call, request, ours);
  const preparing = visitOf(call, loader);
  const response = await answering;
  const { visit, cookies } = await preparing;
  const vouched = await vouchedUser(edge, loader, call, response, visit);
  const rewritten = ours && isPage(call, response) && !isCrawler(call);
  if (!rewritten && vouched === null) return response;
  const headers = new Headers(response.headers);
  headers.delete("frontshelf-user");
  if (vouched) headers.append("set-cookie", vouched);
  if (!rewritten) return new Response(response.body, { ...statusOf(response), headers });
  headers.set("cache-control", "private, no-store");
  for (const name of BODY_HEADERS) headers.delete(name);
  for (const [name, value] of cookieHeaders(cookies)) {
    if (!(vouched && value.startsWith("fs_u="))) headers.append(name, value);
  }
  const page = new Response(response.body, { ...statusOf(response), headers });
  return call.method === "HEAD" ? page : fillSlots(edge, loader, visit, page);
}

/** @param {Response} response */
function statusOf({ status, statusText }) {
  return { status, statusText };
}

/**
 * Ask the origin. Our cookies stay here, so that a shared cache keeps the plain page, and a
 * navigation gets a whole page to rewrite; excluded paths go through as they came.
 * @param {Call} call @param {Request} request @param {boolean} ours
 */
function fetchOrigin(call, request, ours) {
  if (!ours) return ask(new Request(request, { redirect: "manual" }));
  const headers = new Headers(request.headers);
  const cookies = withoutOurs(headers.get("cookie"));
  if (cookies) headers.set("cookie", cookies);
  else headers.delete("cookie");
  if (isNavigation(call)) for (const name of CONDITIONS) headers.delete(name);
  return ask(new Request(request, { headers, redirect: "manual" }));
}

/** @param {Request} request */
async function ask(request) {
  try {
    return await fetch(request);
  } catch {
    return new Response("The shop's origin cannot be reached.\n", { status: 502 });
  }
}

/** @param {Call} call */
function isNavigation(call) {
  if (call.method !== "GET" && call.method !== "HEAD") return false;
  const destination = call.header("sec-fetch-dest");
  if (destination) return ["document", "iframe", "frame"].includes(destination);
  return (call.header("accept") ?? "").includes("text/html");
}

/** @param {Call} call @param {Response} response */
function isPage(call, response) {
  return (
    (call.method === "GET" || call.method === "HEAD") &&
    response.status === 200 &&
    /^text\/html\b/i.test(response.headers.get("content-type") ?? "")
  );
}

/**
 * Return the fs_u cookie that the origin's `Frontshelf-User` asks for, "" when it may not
 * count, null when the header is absent. A response that a cache may have kept vouches for
 * nobody: it could be somebody else's.
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {Response} response
 * @param {import("./core/decide.js").Visit} visit
 * @returns {Promise<string|null>}
 */
async function vouchedUser(edge, loader, call, response, visit) {
  const { headers } = response;
  const user = headers.get("frontshelf-user");
  if (user === null) return null;
  const secure = call.url.protocol === "https:";
  const caching = headers.get("cache-control") ?? "";
  const status = headers.get("cf-cache-status") ?? "DYNAMIC";
  const own =
    /\b(private|no-store)\b/i.test(caching) &&
    !headers.has("age") &&
    ["DYNAMIC", "BYPASS", "MISS"].includes(status.toUpperCase());
  if (!own) return "";
  if (!user) {
    visit.user = null;
    return setCookie("fs_u", "", { secure });
  }
  if (!visit.consent.personalization) return "";
  const signed = await signUser(loader.platform, edge.config, user);
  if (!signed) return "";
  visit.user = user;
  return setCookie("fs_u", signed, { secure });
}

/**
 * @param {Edge} edge @param {Loader} loader
 * @param {import("./core/decide.js").Visit} visit @param {Response} page
 */
function fillSlots(edge, loader, visit, page) {
  const live = edge.releases.ready(loader);
  const facts = { item: "", category: "" };
  const rewriter = new HTMLRewriter().on("body", {
    element(body) {
      facts.item = body.getAttribute("data-fs-item") ?? "";
      facts.category = body.getAttribute("data-fs-category") ?? "";
    },
  });
  const element = async (/** @type {any} */ element) => {
    const name = element.getAttribute("data-fs-slot") ?? "";
    const own = {
      item: element.getAttribute("data-fs-item") ?? facts.item,
      category: element.getAttribute("data-fs-category") ?? facts.category,
    };
    // A handler that throws or never ends would cut the page off, so nothing may leave here.
    try {
      const deciding = decideOne(live, loader, { ...visit, page: own }, name);
      const decision = await within(deciding, edge.config.slotMs);
      if (!decision) return;
      element.setAttribute("data-fs-decision", decision.id);
      if (decision.html !== null) element.setInnerContent(decision.html, { html: true });
    } catch (error) {
      loader.health.fault("slot_failed", `${name.slice(0, 80)}: ${error}`);
    }
  };
  for (const tag of edge.config.slotTags) rewriter.on(`${tag}[data-fs-slot]`, { element });
  return rewriter.transform(page);
}

/**
 * @param {ReturnType<Edge["releases"]["ready"]>} live @param {Loader} loader
 * @param {import("./core/decide.js").Visit} visit @param {string} name
 */
async function decideOne(live, loader, visit, name) {
  const { release, fresh } = await live;
  if (!release || !(name in release.rules.slots)) return null;
  const { decisions } = await decideSlots(loader, release, fresh, visit, [{ name }]);
  return decisions[name];
}
