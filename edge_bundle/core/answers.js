/** The shapes of answers under the prefix: JSON, fragments, scripts, refusals. */

/** @typedef {{status: number, headers: [string, string][], body: string}} Answer */

const PRIVATE = "private, no-store";

/** @param {string[]} cookies @returns {[string, string][]} */
export function cookieHeaders(cookies) {
  return cookies.map((cookie) => ["set-cookie", cookie]);
}

/** @param {number} status @param {unknown} body @param {[string, string][]} [headers] @returns {Answer} */
export function json(status, body, headers = []) {
  const own = /** @type {[string, string][]} */ ([
    ["content-type", "application/json"],
    ["cache-control", PRIVATE],
  ]);
  return { status, headers: [...own, ...headers], body: JSON.stringify(body) };
}

/** @param {number} status @param {string} code @param {string} message @param {[string, string][]} [headers] */
export function failure(status, code, message, headers = []) {
  return json(status, { error: { code, message } }, headers);
}

/**
 * A slot's markup; 204 says that the page's own content stands.
 * @param {string|null} html @param {[string, string][]} headers @returns {Answer}
 */
export function fragment(html, headers) {
  const own = /** @type {[string, string][]} */ ([
    ["content-type", "text/html; charset=utf-8"],
    ["cache-control", PRIVATE],
  ]);
  return { status: html === null ? 204 : 200, headers: [...own, ...headers], body: html ?? "" };
}

/** @param {string} source @returns {Answer} */
export function script(source) {
  return {
    status: 200,
    headers: [
      ["content-type", "text/javascript; charset=utf-8"],
      ["cache-control", "public, max-age=300"],
    ],
    body: source,
  };
}
