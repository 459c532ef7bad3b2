/** Which requests are for pages that the shop wants filled, and which answers are such pages. */

import { settingsOf } from "./settings.js";

/**
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/visit.js").Call} Call
 */

/** Where and how a site says that it heeds Global Privacy Control (its specification, 3.4). */
export const GPC_PATH = "/.well-known/gpc.json";
export const GPC = JSON.stringify({ gpc: true, lastUpdate: "2026-11-01" });

/** What a navigation leaves out, so that a whole page comes to rewrite. */
export const CONDITIONS = ["if-none-match", "if-modified-since", "if-range", "range"];

/** Say whether a path's pages are rewritten. @param {Edge} edge @param {string} path */
export function isOurs(edge, path) {
  const { include, exclude } = settingsOf(edge);
  return pathMatches(path, include) && !pathMatches(path, exclude);
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

/** @param {string} path @param {string[]} patterns paths, `*` at the end matches any rest */
function pathMatches(path, patterns) {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  );
}
