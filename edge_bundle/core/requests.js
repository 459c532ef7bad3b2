/** What is refused, and what is not read at all. */

/** Letters of an item's or a category's name, and of a device's. */
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

/** @param {unknown} value */
export function isShort(value) {
  return typeof value === "string" && value.length <= MAX_TEXT;
}

/** @param {unknown} value */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
