/** Reads values for one request: from memory, else from the store, checked and with a deadline. */

import { hex, within } from "./platform.js";

/** @typedef {import("./platform.js").Platform} Platform */

/** A store caches a missing value as long as one it has. */
const UNSETTLED_SECONDS = 60;
const SETTLED_SECONDS = 86_400;

export class Loader {
  /**
   * @param {Platform} platform
   * @param {import("./cache.js").TableCache} cache
   * @param {import("./health.js").Health} health
   * @param {import("./config.js").Config} config
   */
  constructor(platform, cache, health, config) {
    this.platform = platform;
    this.config = config;
    this.cache = cache;
    this.health = health;
    /** Reads under way: a promise must not outlive its request, so this is not shared. */
    /** @type {Map<string, Promise<any>>} */
    this.pending = new Map();
    /** Tables that this request has used. */
    /** @type {Map<string, any>} */
    this.read = new Map();
    /** How long a location may keep what it read, a miss too: short until a release has settled. */
    this.keepSeconds = UNSETTLED_SECONDS;
  }

  /** @param {boolean} settled whether every location must have the live release by now */
  settle(settled) {
    this.keepSeconds = settled ? SETTLED_SECONDS : UNSETTLED_SECONDS;
  }

  /**
   * Return the table of a value, or null when it can't be had in time or isn't genuine.
   * @param {string} key
   * @param {(buffer: ArrayBuffer) => any} open
   * @returns {Promise<any>}
   */
  async table(key, open) {
    const kept = this.resident(key);
    if (kept !== undefined) return kept;
    let reading = this.pending.get(key);
    if (!reading) {
      reading = this.#read(key, open);
      this.pending.set(key, reading);
    }
    return reading;
  }

  /**
   * Return a table that memory has or that this request has read, even if it was let go since.
   * @param {string} key
   * @returns {any}
   */
  resident(key) {
    let table = this.read.get(key);
    if (table === undefined) {
      table = this.cache.get(key);
      if (table !== undefined) this.read.set(key, table);
    }
    return table;
  }

  /** @param {string} key @param {(buffer: ArrayBuffer) => any} open */
  async #read(key, open) {
    try {
      this.cache.reads++;
      const buffer = await within(this.platform.get(key, this.keepSeconds), this.config.readMs);
      if (!buffer) throw new Error("missing");
      const digest = await this.platform.sha256(buffer);
      if (hex(digest.subarray(0, 16)) !== key.slice(2)) throw new Error("digest");
      const table = open(buffer);
      this.cache.put(key, table);
      this.read.set(key, table);
      return table;
    } catch (error) {
      this.health.fault(`value_${reasonOf(error)}`, key);
      return null;
    }
  }
}

/** @param {unknown} error @returns {string} a code for health and logs */
export function reasonOf(error) {
  const message = error instanceof Error ? error.message : "";
  return ["late", "missing", "digest"].includes(message) ? message : "unreadable";
}
