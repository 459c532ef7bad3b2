/** Who calls: a server that may say all, or a browser that is believed about its page alone. */

import { core } from "./core.js";
import { settingsOf } from "./settings.js";

const { same } = core;

/**
 * @typedef {import("../core/visit.js").Call} Call
 * @typedef {import("../core/edge.js").Edge} Edge
 */

/** @param {Edge} edge @param {Call} call */
export function isTrusted(edge, call) {
  const { trustLoopback, apiToken } = settingsOf(edge);
  if (trustLoopback) return true;
  const bearer = /^Bearer (.+)$/.exec(call.header("authorization") ?? "");
  return Boolean(bearer && apiToken && same(bearer[1], apiToken));
}

/** @param {Call} call */
export function isBrowser(call) {
  return Boolean(call.header("sec-fetch-site") ?? call.header("cookie")?.includes("fs_c="));
}
