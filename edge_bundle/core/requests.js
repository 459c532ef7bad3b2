/** What is refused, and the little that a shopper's own call says. */

const MAX_TEXT = 256;

/** A refusal with a status, a code for machines and a message for people. */
export class Refusal extends Error {
  /** @param {number} status @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @param {string} message @returns {never} */
export function refuse(message) {
  throw new Refusal(400, "bad_request", message);
}

/** @param {any} page */
export function pageOf(page) {
  if (page === undefined) return { item: "", category: "" };
  if (!isObject(page)) refuse("page must be an object");
  const { item = "", category = "" } = page;
  if (!isShort(item) || !isShort(category)) {
    refuse(`page.item and page.category must be strings of at most ${MAX_TEXT} characters`);
  }
  return { item, category };
}

/** @param {unknown} value */
export function isShort(value) {
  return typeof value === "string" && value.length <= MAX_TEXT;
}

/** @param {unknown} value */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
