/** EdgeWorkers' `create-response`. */

import { checkHeaders, pairsOf } from "./headers.js";
import { native } from "./host.js";

/** The module's own page says 16 KB, the page of limits 100,000 bytes: the less is sure. */
const TEXT_BYTES = 16_384;
const HEADER_BYTES = 16_384;

/** @type {WeakMap<object, {status: number, headers: [string, string][], body: any}>} */
const made = new WeakMap();

/**
 * Takes (status, headers, body, denyReason), or (body, {status, headers}).
 * @param {any} first @param {any} [second] @param {any} [third] @param {string} [denyReason]
 */
export function createResponse(first, second, third, denyReason) {
  const listed = typeof first === "number";
  const { status = 200, headers = {} } = listed ? { status: first, headers: second } : (second ?? {});
  const body = (listed ? third : first) ?? "";
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new TypeError(`status ${status}`);
  if (denyReason && status !== 403) throw new TypeError("a deny reason needs status 403");
  checkHeaders(headers);
  const pairs = pairsOf(headers);
  const size = pairs.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  if (size > HEADER_BYTES) throw new RangeError(`headers of ${size} bytes, over ${HEADER_BYTES}`);
  checkBody(body);
  const response = Object.freeze({});
  made.set(response, { status, headers: pairs, body });
  return response;
}

/** @param {any} body */
function checkBody(body) {
  if (body instanceof native.ReadableStream) return;
  if (typeof body !== "string") throw new TypeError("a body is a text or a stream of bytes");
  const length = new native.TextEncoder().encode(body).length;
  if (length > TEXT_BYTES) throw new RangeError(`a text of ${length} bytes must be a stream`);
}

/** @param {object} response */
export function opened(response) {
  const known = made.get(response);
  if (!known) throw new TypeError("responseProvider must return what createResponse made");
  return known;
}
