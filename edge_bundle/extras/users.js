/** Users that the shop's own origin vouches for: `Frontshelf-User` becomes the signed fs_u cookie. */

import { core } from "./core.js";

const { setCookie, signature, toBase64 } = core;

/**
 * @typedef {import("../core/config.js").Config} Config
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/visit.js").Call} Call
 * @typedef {import("../core/visit.js").Visit} Visit
 */

const encoder = new TextEncoder();
const MAX_USER_BYTES = 256;

/**
 * Return the fs_u cookie for a user, none ("") for a log-out, or "" when it may not count. A
 * response that a cache may have kept vouches for nobody: it could be somebody else's.
 * @param {Edge} edge @param {Call} call
 * @param {(name: string) => string|null} header reads the origin's answer
 * @param {Visit} visit
 * @param {string} user
 */
export function vouched(edge, call, header, visit, user) {
  const { secure } = call;
  const status = header("cf-cache-status") ?? "DYNAMIC";
  const own =
    /(^|[\s,])(private|no-store)\s*(,|$)/i.test(header("cache-control") ?? "") &&
    header("age") === null &&
    ["DYNAMIC", "BYPASS", "MISS"].includes(status.toUpperCase());
  if (!own) return "";
  if (!user) {
    visit.user = null;
    return setCookie("fs_u", "", { secure });
  }
  if (!visit.consent.personalization) return "";
  const signed = signUser(edge.config, user);
  if (!signed) return "";
  visit.user = user;
  return setCookie("fs_u", signed, { secure });
}

/**
 * Return the signed fs_u cookie for a user the origin vouched for, or "" for no usable id.
 * @param {Config} config
 * @param {string} user
 */
function signUser(config, user) {
  const bytes = encoder.encode(user);
  if (!config.cookieKey || !bytes.length || bytes.length > MAX_USER_BYTES) return "";
  const payload = `1.${toBase64(bytes)}`;
  return `${payload}.${signature(config, payload)}`;
}
