/** What an isolate keeps between requests: the live release, opened tables, counts, and extras. */

import { TableCache } from "./cache.js";
import { readConfig } from "./config.js";
import { Health } from "./health.js";
import { Loader } from "./loader.js";
import { Releases } from "./releases.js";

/**
 * Bytes of tables kept, with what they take beside their values. Decoded cards (cards.js) and the
 * rest are measured to take 10 MB more: 64 MB in all, of the platform's 128.
 */
const BUDGET_BYTES = 52 * 1024 * 1024;

/**
 * What pages and fragments do without, each a module of extras/.
 * @typedef {object} Extras
 * @property {typeof import("../extras/canary.js")} canary
 * @property {any} collect what passes events on, where a platform loads it
 * @property {typeof import("../extras/decide.js")} decide
 * @property {typeof import("../extras/events.js")} events
 * @property {typeof import("../extras/explain.js")} explain
 * @property {typeof import("../extras/ofrep.js")} flags
 * @property {typeof import("../extras/format1.js")} format1
 * @property {typeof import("../extras/health.js")} health
 * @property {typeof import("../extras/overlays.js")} overlays
 * @property {any} origin what asks the shop's origin and fills its pages, where a platform loads it
 * @property {typeof import("../extras/preview.js")} preview
 * @property {typeof import("../extras/rarer.js")} rarer
 * @property {typeof import("../extras/ribbon.js")} ribbon
 * @property {typeof import("../extras/users.js")} users
 * @property {typeof import("../extras/visitors.js")} visitors
 * @property {typeof import("../extras/weights.js")} weights
 *
 * @typedef {(name: keyof Extras) => Promise<any>} Load
 */

export class Edge {
  /**
   * @param {Record<string, any>} env variables and secrets
   * @param {Load} load gives a module of extras/
   * @param {number} [budget] raw bytes of tables kept
   */
  constructor(env, load, budget = BUDGET_BYTES) {
    this.env = env;
    this.config = readConfig(env);
    this.cache = new TableCache(budget);
    this.health = new Health();
    this.releases = new Releases(this.config, (name) => this.extra(name));
    this.load = load;
    /** @type {Partial<Extras>} those loaded: the promise of one must not outlive its request */
    this.extras = {};
  }

  /**
   * Return a module that fragments do without, at once when it is loaded; null when it
   * can't be had, which breaks nothing else.
   * @template {keyof Extras} Name
   * @param {Name} name
   * @returns {Extras[Name]|Promise<Extras[Name]|null>}
   */
  extra(name) {
    return /** @type {Extras[Name]|undefined} */ (this.extras[name]) ?? this.#loaded(name);
  }

  /**
   * @template {keyof Extras} Name
   * @param {Name} name
   * @returns {Promise<Extras[Name]|null>}
   */
  async #loaded(name) {
    try {
      return (this.extras[name] = await this.load(name));
    } catch (error) {
      this.health.fault("extra_failed", `${name}: ${error}`);
      return null;
    }
  }

  /** Start a request. @param {import("./platform.js").Platform} platform */
  loader(platform) {
    return new Loader(platform, this.cache, this.health, this.config);
  }
}
