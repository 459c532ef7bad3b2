/** The origin's page, with its slots filled while it streams by. */

import { createResponse } from "create-response";
import { TextDecoder } from "encoding";
import { httpRequest } from "http-request";
import { TransformStream } from "streams";
import { withoutOurs } from "./core/cookies.js";
import { isCrawler, visitOf } from "./core/visit.js";
import { CONDITIONS, GPC, GPC_PATH, isNavigation, isOurs, isPage } from "./extras/navigation.js";
import { BODY_HEADERS, CACHING, PageSlots, charsetOf, vouchedUser } from "./extras/pages.js";
import { Splicer } from "./extras/splice.js";
import { joined } from "./call.js";

/**
 * @typedef {import("./core/edge.js").Edge} Edge
 * @typedef {import("./core/loader.js").Loader} Loader
 * @typedef {import("./core/visit.js").Call} Call
 * @typedef {Record<string, string[]>} Headers by lower-case name
 */

/** Headers of one connection, and those that the platform writes itself. */
const NOT_PASSED_ON = [
  "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
  "trailers", "transfer-encoding", "upgrade", "content-length", "host",
];
const NOT_FOR_VISITORS = [...NOT_PASSED_ON, "frontshelf-user"];
const NOT_FOR_CACHES = [...NOT_FOR_VISITORS, ...CACHING];

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {any} request */
export async function servePage(edge, loader, call, request) {
  if (call.path === GPC_PATH) return createResponse(200, { "content-type": ["application/json"] }, GPC);
  const ours = isOurs(edge, call.path);
  const answering = askOrigin(call, request, ours);
  const { visit, cookies } = visitOf(call, loader);
  const navigation = ours && isNavigation(call);
  const Told = navigation && loader.preview ? (await edge.extra("ribbon"))?.PreviewSlots : undefined;
  const told = Told && new Told(edge, loader, visit);
  const slots = told ?? new PageSlots(edge, loader, visit);
  if (navigation) slots.prepare();
  const response = await answering;
  if (!response) return createResponse(502, {}, "The shop's origin cannot be reached.\n");
  const header = (/** @type {string} */ name) => joined(name, response.getHeader(name));
  const vouched = await vouchedUser(edge, call, header, visit);
  const rewritten = ours && isPage(call, response.status, header("content-type")) && !isCrawler(call);
  if (vouched !== null) slots.scene = null;
  const headers = without(response.getHeaders(), vouched ? NOT_FOR_CACHES : NOT_FOR_VISITORS);
  if (vouched) add(headers, vouched);
  if (!rewritten) return answerWith(call, response, headers);
  const own = { ...without(headers, BODY_HEADERS), "cache-control": ["private, no-store"] };
  for (const cookie of cookies) if (!(vouched && cookie.startsWith("fs_u="))) add(own, cookie);
  if (call.method === "HEAD" || !isReadable(loader, headers)) {
    return answerWith(call, response, own);
  }
  const last = () => told?.ribbon(call, header("content-security-policy")) ?? "";
  return createResponse(200, own, response.body.pipeThrough(splicing(new Splicer(slots, new TextDecoder()), last)));
}

/**
 * The platform's decoder reads UTF-8, and nothing here can unpack a page that came compressed
 * although nobody asked for that. @param {Loader} loader @param {Headers} headers
 */
function isReadable({ health }, headers) {
  const charset = charsetOf(headers["content-type"].join());
  if (/^(utf-?8|us-ascii)$/i.test(charset) && !headers["content-encoding"]) return true;
  health.fault("page_unreadable", `${charset} ${headers["content-encoding"] ?? ""}`);
  return false;
}

/** What the shop has, without a decision. @param {Call} call @param {any} request */
export async function plainPage(call, request) {
  const response = await askOrigin(call, request, true);
  if (!response) return createResponse(502, {}, "The shop's origin cannot be reached.\n");
  return answerWith(call, response, without(response.getHeaders(), NOT_FOR_VISITORS));
}

/** @param {Call} call @param {any} response @param {Headers} headers */
function answerWith(call, { status, body }, headers) {
  const empty = call.method === "HEAD" || status === 204 || status === 304;
  return createResponse(status, headers, empty ? "" : body);
}

/**
 * Ask the origin; null when it can't be reached. The sub-request runs through the property, and
 * not into this code again. Our cookies stay here, so that the shared cache keeps the plain page,
 * and a navigation gets a whole page to rewrite; excluded paths go through as they came.
 * @param {Call} call @param {any} request @param {boolean} ours
 */
async function askOrigin(call, request, ours) {
  const headers = without(request.getHeaders(), [...NOT_PASSED_ON, "accept-encoding"]);
  if (ours) {
    const cookies = withoutOurs(joined("cookie", headers.cookie));
    if (cookies) headers.cookie = [cookies];
    else delete headers.cookie;
    if (isNavigation(call)) for (const name of CONDITIONS) delete headers[name];
  }
  const { method } = call;
  const length = call.header("content-length");
  const hasBody =
    !["GET", "HEAD"].includes(method) && (length ? length !== "0" : method !== "DELETE");
  const options = { method, headers, ...(hasBody && { body: request.body }) };
  try {
    // Whole, since a path that begins with two slashes would name another host.
    return await httpRequest(`${request.scheme}://${request.host}${request.url}`, options);
  } catch {
    return null;
  }
}

/** @param {Headers} headers @param {string[]} names @returns {Headers} */
function without(headers, names) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

/** @param {Headers} headers @param {string} cookie */
function add(headers, cookie) {
  headers["set-cookie"] = [...(headers["set-cookie"] ?? []), cookie];
}

/**
 * @param {import("./extras/splice.js").Splicer} splicer
 * @param {() => string} last makes what stands behind the page
 */
function splicing(splicer, last) {
  const send = (/** @type {any} */ out) => {
    const bytes = splicer.ready();
    if (bytes.length) out.enqueue(bytes);
  };
  return new TransformStream({
    async transform(piece, out) {
      let waiting = splicer.take(piece);
      send(out);
      while (waiting) {
        waiting = splicer.fill(await waiting);
        send(out);
      }
    },
    flush(out) {
      splicer.end(last());
      send(out);
    },
  });
}
