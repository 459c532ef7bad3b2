/** EdgeWorkers' `url-search-params`: the web's class, without what the documentation leaves out. */

import { native } from "./host.js";

export default class URLSearchParams {
  #params;

  /** @param {string|URLSearchParams} [init] */
  constructor(init = "") {
    this.#params = new native.URLSearchParams(String(init));
  }

  /** @param {string} name @param {string} value */
  append(name, value) {
    this.#params.append(name, value);
  }

  /** @param {string} name */
  delete(name) {
    this.#params.delete(name);
  }

  /** @param {string} name */
  get(name) {
    return this.#params.get(name);
  }

  /** @param {string} name */
  has(name) {
    return this.#params.has(name);
  }

  /** @param {string} name */
  getAll(name) {
    return this.#params.getAll(name);
  }

  entries() {
    return this.#params.entries();
  }

  keys() {
    return this.#params.keys();
  }

  values() {
    return this.#params.values();
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    this.#params.set(name, value);
  }

  toString() {
    return this.#params.toString();
  }
}
