/** Who calls: a server that may say all, or a browser that is believed about its page alone. */

import { same } from "./identity.js";

/**
 * @typedef {import("./visit.js").Call} Call
 * @typedef {import("./edge.js").Edge} Edge
 */

/** @param {Edge} edge @param {Call} call */
export function isTrusted({ config }, call) {
  if (config.trustLoopback) return true;
  const bearer = /^Bearer (.+)$/.exec(call.header("authorization") ?? "");
  return Boolean(bearer && config.apiToken && same(bearer[1], config.apiToken));
}

/** @param {Call} call */
export function isBrowser(call) {
  return Boolean(call.header("sec-fetch-site") ?? call.header("cookie")?.includes("fs_c="));
}
