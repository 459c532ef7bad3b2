/**
 * Reads values for one request. Whoever decides asks memory and goes on without waiting; what
 * memory lacks is noted, read all at once, and the decision made again. So a decision whose
 * values are in memory is made without a promise, and a cold one takes as few round trips as
 * its values have generations.
 */

import { hex, within } from "./platform.js";

/** @typedef {import("./platform.js").Platform} Platform */

/** A store caches a missing value as long as one it has. */
const UNSETTLED_SECONDS = 60;
const SETTLED_SECONDS = 86_400;
/** Generations of values a decision may wait for: a bound, far above what any takes. */
const MAX_ROUNDS = 12;

/** @type {Map<string, () => Promise<any>>} */
const NOTHING = new Map();

export class Loader {
  /**
   * One of them is kept for good: when a collection finds none of a shape, V8 forgets the shape
   * and throws away what it compiled for it, and the next thousands of requests are slow. The
   * other classes whose objects live no longer than a request do the same.
   */
  static kept = new (/** @type {any} */ (this))();

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
    /** What this request has waited for; kept here even if memory lets go of it. */
    /** @type {Map<string, any>|null} */
    this.read = null;
    /** Whether some value could not be had. */
    this.short = false;
    /** What the decision being made lacks, and how to get it. */
    /** @type {Map<string, () => Promise<any>>} */
    this.missing = NOTHING;
    /** Reads under way: a promise must not outlive its request, so this is not shared. */
    /** @type {Map<string, Promise<void>>|null} */
    this.pending = null;
    /** How long a location may keep what it read, a miss too: short until a release has settled. */
    this.keepSeconds = UNSETTLED_SECONDS;
    /** @type {import("../extras/overlays.js").Overlays|null} what holds beside the release */
    this.overlays = null;
    /** @type {import("../extras/preview.js").Preview|null} what this browser's preview forces */
    this.preview = null;
  }

  /** @param {boolean} settled whether every location must have the live release by now */
  settle(settled) {
    this.keepSeconds = settled ? SETTLED_SECONDS : UNSETTLED_SECONDS;
  }

  /**
   * Return what `make` once gave this request; undefined, and noted as missing, until it has.
   * @param {string} key
   * @param {() => Promise<any>} make never rejects, never gives undefined
   */
  ask(key, make) {
    const known = this.read?.get(key);
    if (known === undefined) {
      if (this.missing === NOTHING) this.missing = new Map();
      this.missing.set(key, make);
    }
    return known;
  }

  /**
   * Return the table of a value: undefined until it is read, null when it can't be had in time
   * or isn't genuine.
   * @param {string} key
   * @param {(buffer: ArrayBuffer) => any} open
   * @param {number} [keepSeconds] how long a location may keep the value, else as a release's
   * @returns {any}
   */
  table(key, open, keepSeconds) {
    return this.cache.get(key) ?? this.ask(key, () => this.#read(key, open, keepSeconds));
  }

  /** Return a table that memory has, without asking for it. @param {string} key @returns {any} */
  resident(key) {
    return this.cache.get(key) ?? this.read?.get(key);
  }

  /**
   * Return what `attempt` makes, at once when it lacks nothing. It is called again after each
   * generation of values it lacked; it gives null when it cannot go on without them.
   * @template T
   * @param {() => T|null} attempt
   * @returns {T|null|Promise<T|null>}
   */
  settled(attempt) {
    return attempt() ?? (this.missing.size ? this.#again(attempt) : null);
  }

  /** @template T @param {() => T|null} attempt */
  async #again(attempt) {
    let made = null;
    for (let round = 0; made === null && this.missing.size && round < MAX_ROUNDS; round++) {
      await this.load();
      made = attempt();
    }
    return made;
  }

  /** Read at once what is missing. Never rejects. */
  async load() {
    const pending = (this.pending ??= new Map());
    const read = (this.read ??= new Map());
    const reading = [];
    for (const [key, make] of this.missing) {
      let promise = pending.get(key);
      if (!promise) pending.set(key, (promise = make().then((made) => void read.set(key, made))));
      reading.push(promise);
    }
    this.missing = NOTHING;
    await Promise.all(reading);
  }

  /**
   * Read a value; throw `late`, `failed` (the store gave an error) or `missing`.
   * @param {string} key @param {number} keepSeconds
   */
  async value(key, keepSeconds) {
    const reading = this.platform.get(key, keepSeconds).catch((error) => {
      throw new Error(error?.message === "late" ? "late" : "failed");
    });
    const value = await within(reading, this.config.readMs);
    if (!value) throw new Error("missing");
    return value;
  }

  /** @param {string} key @param {(buffer: ArrayBuffer) => any} open @param {number} [keepSeconds] */
  async #read(key, open, keepSeconds = this.keepSeconds) {
    try {
      this.cache.reads++;
      const buffer = await this.value(key, keepSeconds);
      const digest = await this.platform.sha256(buffer);
      if (hex(digest.subarray(0, 16)) !== key.slice(2)) throw new Error("digest");
      const table = open(buffer);
      this.cache.put(key, table);
      return table;
    } catch (error) {
      this.short = true;
      this.health.fault(`value_${reasonOf(error)}`, key);
      return null;
    }
  }
}

/** Why a value, manifest or head was not used, as health and logs call it. */
const REASONS = ["late", "failed", "missing", "digest", "forged", "foreign", "older", "format"];

/** @param {unknown} error @returns {string} a code for health and logs */
export function reasonOf(error) {
  const message = error instanceof Error ? error.message : "";
  return REASONS.includes(message) ? message : "unreadable";
}
