/** Headers as EdgeWorkers writes them: names with a text or a list of texts. */

/** What the documentation says must not be set; the real platform breaks the exchange. */
const FORBIDDEN = [
  "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers",
  "transfer-encoding", "content-length", "host",
];

/** @param {any} headers */
export function checkHeaders(headers) {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) {
    throw new TypeError("headers must be an object");
  }
  for (const [name, value] of pairsOf(headers)) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw new TypeError(`${name} is no header name`);
    if (FORBIDDEN.includes(name.toLowerCase())) throw new TypeError(`${name} must not be set`);
    if (/^(x-ak|akamai-)/i.test(name)) {
      if (!/^x-akamai-edgedb-auth(-ref)?$/i.test(name)) throw new TypeError(`${name} is the platform's own`);
    }
    if (typeof value !== "string" || /[\0\r\n]/.test(value)) throw new TypeError(`${name} has no valid value`);
  }
}

/** @param {Record<string, string|string[]>} headers @returns {[string, string][]} */
export function pairsOf(headers) {
  return Object.entries(headers).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => /** @type {[string, string]} */ ([name, value])),
  );
}
