/** Reads values from EdgeKV, which keeps text only: so they stand there as base64. */

import { base64 } from "encoding";
import { httpRequest } from "http-request";
import { edgekv_access_tokens } from "./edgekv_tokens.js";

const SERVICE = "https://edgekv.akamai-edge-svcs.net/api/v1";
/** Of five sub-requests at once, one is the origin's page, streaming. */
const AT_ONCE = 4;
/** Of fifty a request; more values than these would not fit its memory either. */
const AT_MOST = 40;
/** Groups that keys are spread over, since EdgeKV lists only so many items of one. */
const GROUPS = 32;

/** The reads of one request. */
export class Reads {
  /** @param {{namespace: string, group: string, timeoutMs: number}} place */
  constructor({ namespace, group, timeoutMs }) {
    this.url = `${SERVICE}/namespaces/${namespace}/groups/${group}-`;
    this.options = { headers: tokenHeader(namespace), timeout: timeoutMs };
    this.asked = 0;
    this.underWay = 0;
    this.late = 0;
    /** @type {(() => void)[]} */
    this.waiting = [];
  }

  /**
   * Return a value, or null when there is none; throws `late` after the deadline.
   * @param {string} key
   * @returns {Promise<ArrayBuffer|null>}
   */
  async get(key) {
    if (++this.asked > AT_MOST) throw new Error("too many reads in one request");
    while (this.underWay >= AT_ONCE) {
      await /** @type {Promise<void>} */ (new Promise((resolve) => this.waiting.push(resolve)));
    }
    this.underWay++;
    try {
      // There is no timer to bound them all with: once as many hung as may at once, none is tried.
      if (this.late >= AT_ONCE) throw new Error("late");
      return await this.#read(key);
    } finally {
      this.underWay--;
      this.waiting.shift()?.();
    }
  }

  /** @param {string} key */
  async #read(key) {
    let response;
    let text;
    try {
      response = await httpRequest(`${this.url}${spread(key)}/items/${key}`, this.options);
      text = await response.text();
    } catch (error) {
      if (!/time(d )?-?out/i.test(String(error))) throw error;
      this.late++;
      throw new Error("late");
    }
    if (response.status === 404) return null;
    if (response.status !== 200) throw new Error(`EdgeKV answered ${response.status}`);
    const bytes = /** @type {Uint8Array} */ (base64.decode(text, "Uint8Array"));
    return /** @type {ArrayBuffer} */ (bytes.slice().buffer);
  }
}

/** Return the number of a key's group. @param {string} key */
function spread(key) {
  let sum = 0;
  for (let at = 0; at < key.length; at++) sum += key.charCodeAt(at);
  return sum % GROUPS;
}

/** @param {string} namespace @returns {Record<string, string[]>} */
function tokenHeader(namespace) {
  const token = edgekv_access_tokens[`namespace-${namespace}`] ?? {};
  return "reference" in token
    ? { "X-Akamai-EdgeDB-Auth-Ref": [token.reference] }
    : { "X-Akamai-EdgeDB-Auth": [token.value ?? ""] };
}
