/** Reads and writes the cookies that are ours; the names are in the design under *Pages*. */

/** Largest cookie of ours that is looked at. */
const MAX_LENGTH = 2048;

/**
 * @typedef {object} Sent cookies of ours that a request brings
 * @property {string} [fs_c]
 * @property {string} [fs_id]
 * @property {string} [fs_u]
 * @property {string} [fs_s]
 * @property {string} [fs_exp]
 * @property {string} [fs_p]
 */

const NAMES = ["fs_c", "fs_id", "fs_u", "fs_s", "fs_exp", "fs_p"];

/**
 * Return our cookies of a request; the first of a name counts, as with RFC 6265 servers.
 * @param {string|null} header
 * @returns {Sent}
 */
export function readCookies(header) {
  // By place, and an object of one shape in the end: a name cut from the header costs a table of
  // strings and an object without shape, measured at a third of the whole.
  /** @type {(string|undefined)[]} */
  const found = [undefined, undefined, undefined, undefined, undefined, undefined];
  // A shop's other cookies are many and long: they are leapt over, not split.
  const text = header ?? "";
  for (let at = text.indexOf("fs_"), end; at >= 0; at = text.indexOf("fs_", end)) {
    end = text.indexOf(";", at);
    if (end < 0) end = text.length;
    const place = startsPart(text, at) ? placeOf(text, at) : -1;
    if (place < 0 || found[place] !== undefined) continue;
    const value = text.slice(text.indexOf("=", at) + 1, end).trim();
    found[place] = value.length <= MAX_LENGTH ? value : "";
  }
  return {
    fs_c: found[0], fs_id: found[1], fs_u: found[2], fs_s: found[3], fs_exp: found[4], fs_p: found[5],
  };
}

/** @param {string} header @param {number} at @returns {number} the place of the name that stands there, or -1 */
function placeOf(header, at) {
  for (let place = 0; place < NAMES.length; place++) if (isNamed(header, at, NAMES[place])) return place;
  return -1;
}

/** @param {string} header @param {number} at @param {string} name */
function isNamed(header, at, name) {
  if (!header.startsWith(name, at)) return false;
  let after = at + name.length;
  while (header[after] === " " || header[after] === "\t") after++;
  return header[after] === "=";
}

/** @param {string} header @param {number} at */
function startsPart(header, at) {
  let before = at - 1;
  while (header[before] === " " || header[before] === "\t") before--;
  return before < 0 || header[before] === ";";
}

/**
 * Return a Cookie header without ours, so that the shared cache keeps the plain page.
 * @param {string|null} header
 * @returns {string}
 */
export function withoutOurs(header) {
  return (header ?? "")
    // Two Cookie headers come joined by a comma.
    .replaceAll(/,\s*fs_/g, ";fs_")
    .split(";")
    .filter((part) => part.trim() && !part.trim().startsWith("fs_"))
    .join(";")
    .trim();
}

/**
 * @param {string} name
 * @param {string} value "" clears the cookie
 * @param {{secure: boolean, days?: number}} options
 */
export function setCookie(name, value, { secure, days = 180 }) {
  const age = value ? Math.round(days * 86400) : 0;
  return (
    `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax` +
    // Scripts write the choice and the session.
    (/^fs_[cs]$/.test(name) ? "" : "; HttpOnly") +
    (secure ? "; Secure" : "")
  );
}
