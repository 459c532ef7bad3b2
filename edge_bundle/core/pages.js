/** What every adapter does with the origin's pages; only the rewriter is a platform's own. */

import { pathMatches } from "./config.js";
import { setCookie } from "./cookies.js";
import { decideSlots } from "./decide.js";
import { signUser } from "./identity.js";
import { within } from "./platform.js";

/**
 * @typedef {import("./edge.js").Edge} Edge
 * @typedef {import("./loader.js").Loader} Loader
 * @typedef {import("./visit.js").Call} Call
 * @typedef {import("./decide.js").Visit} Visit
 * @typedef {import("./decide.js").Decision} Decision
 */

/** Statements about a body that the rewritten one no longer keeps. */
export const BODY_HEADERS = [
  "etag", "last-modified", "expires", "age", "content-length", "accept-ranges", "content-md5",
  "digest", "content-digest", "repr-digest",
];
/** What a navigation leaves out, so that a whole page comes to rewrite. */
export const CONDITIONS = ["if-none-match", "if-modified-since", "if-range", "range"];

/** Say whether a path's pages are rewritten. @param {Edge} edge @param {string} path */
export function isOurs({ config }, path) {
  return pathMatches(path, config.include) && !pathMatches(path, config.exclude);
}

/** @param {Call} call */
export function isNavigation(call) {
  if (call.method !== "GET" && call.method !== "HEAD") return false;
  const destination = call.header("sec-fetch-dest");
  if (destination) return ["document", "iframe", "frame"].includes(destination);
  return (call.header("accept") ?? "").includes("text/html");
}

/** @param {Call} call @param {number} status @param {string|null} type the Content-Type */
export function isPage(call, status, type) {
  return (
    (call.method === "GET" || call.method === "HEAD") &&
    status === 200 &&
    /^text\/html\b/i.test(type ?? "")
  );
}

/**
 * Return the fs_u cookie that the origin's `Frontshelf-User` asks for, "" when it may not
 * count, null when the header is absent. A response that a cache may have kept vouches for
 * nobody: it could be somebody else's.
 * @param {Edge} edge @param {Loader} loader @param {Call} call
 * @param {(name: string) => string|null} header reads the origin's answer
 * @param {Visit} visit
 * @returns {Promise<string|null>}
 */
export async function vouchedUser(edge, loader, call, header, visit) {
  const user = header("frontshelf-user");
  if (user === null) return null;
  const secure = call.url.protocol === "https:";
  const status = header("cf-cache-status") ?? "DYNAMIC";
  const own =
    /\b(private|no-store)\b/i.test(header("cache-control") ?? "") &&
    header("age") === null &&
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
 * Return a function that decides one slot of a page. A rewriter must never throw or wait
 * without end, or the page is cut off: so it gives null on any fault.
 * @param {Edge} edge @param {Loader} loader @param {Visit} visit
 * @returns {(name: string, page: {item: string, category: string}) => Promise<Decision|null>}
 */
export function slotDecider(edge, loader, visit) {
  const live = edge.releases.ready(loader);
  return async (name, page) => {
    try {
      const deciding = decideOne(live, loader, { ...visit, page }, name);
      return await within(deciding, edge.config.slotMs);
    } catch (error) {
      loader.health.fault("slot_failed", `${name.slice(0, 80)}: ${error}`);
      return null;
    }
  };
}

/**
 * @param {ReturnType<Edge["releases"]["ready"]>} live @param {Loader} loader
 * @param {Visit} visit @param {string} name
 */
async function decideOne(live, loader, visit, name) {
  const { release, fresh } = await live;
  if (!release || !(name in release.rules.slots)) return null;
  const { decisions } = await decideSlots(loader, release, fresh, visit, [{ name }]);
  return decisions[name];
}
