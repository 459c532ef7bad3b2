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
  for (const part of (header ?? "").split(";")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, equals).trim();
    if (equals > 0 && name.startsWith("fs_") && !(name in found)) {
      const value = part.slice(equals + 1).trim();
      found[name] = value.length <= MAX_LENGTH ? value : "";
    }
  }
  return found;
}

/**
 * Return a Cookie header without ours, so that the shared cache keeps the plain page.
 * @param {string|null} header
 * @returns {string}
 */
export function withoutOurs(header) {
  return (header ?? "")
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
  const age = value ? days * 86400 : 0;
  return (
    `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax` +
    (readable ? "" : "; HttpOnly") +
    (secure ? "; Secure" : "")
  );
}
