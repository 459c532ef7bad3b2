/** Reads and writes the cookies that are ours; the names are in the design under *Pages*. */

/** Largest cookie of ours that is looked at. */
const MAX_LENGTH = 2048;

/**
 * Return the `fs_` cookies of a request; the first of a name counts, as with RFC 6265 servers.
 * @param {string|null} header
 * @returns {Record<string, string>}
 */
export function readCookies(header) {
  /** @type {Record<string, string>} */
  const found = Object.create(null);
  if (!header) return found;
  // A shop's other cookies are many and long: they are leapt over, not split.
  for (let at = header.indexOf("fs_"), end; at >= 0; at = header.indexOf("fs_", end)) {
    end = header.indexOf(";", at);
    if (end < 0) end = header.length;
    const equals = header.indexOf("=", at);
    if (equals < 0 || equals > end || !startsPart(header, at)) continue;
    const name = header.slice(at, equals).trim();
    if (name in found) continue;
    const value = header.slice(equals + 1, end).trim();
    found[name] = value.length <= MAX_LENGTH ? value : "";
  }
  return found;
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
 * @param {{secure: boolean, days?: number, readable?: boolean}} options
 */
export function setCookie(name, value, { secure, days = 180, readable = false }) {
  const age = value ? Math.round(days * 86400) : 0;
  return (
    `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax` +
    (readable ? "" : "; HttpOnly") +
    (secure ? "; Secure" : "")
  );
}
