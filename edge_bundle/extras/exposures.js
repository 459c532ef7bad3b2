/**
 * Says what a decision's id stands for when a browser tells of a view, a click or an exposure:
 * browsers know ids alone. Who was assigned what is worked out again from the device's own
 * cookies, so that nobody can claim another arm.
 */

import { core } from "./core.js";

const { assign, holdout, shortName } = core;

const MAX_KEPT = 20;

/**
 * @typedef {import("../core/release.js").Release} Release
 * @typedef {{content?: string, rule?: string, experiment?: string, variation?: number,
 *   propensity?: number, reason: string}} Told
 */

/** @type {Told} */
const UNVERIFIED = { reason: "unverified" };
/** @type {Told} */
const UNKNOWN = { reason: "unknown_release" };

/** What decisions of one visitor's events stand for. */
export class Decided {
  /** @param {(Release|null|undefined)[]} releases those in memory @param {import("../core/visit.js").Visit} visit */
  constructor(releases, visit) {
    this.releases = /** @type {Release[]} */ (releases.filter(Boolean));
    this.unit = visit.consent.personalization ? visit.device : null;
    /** The fs_exp cookie, with what was exposed. */
    this.sticky = visit.sticky;
  }

  /**
   * Return what the log may know of a decision, undefined when this is none.
   * @param {any} decision `{id, slot}` of an event
   * @param {unknown} exposure the short name of the experiment or holdout that was exposed
   */
  tell(decision, exposure) {
    const { id, slot } = decision ?? {};
    if (typeof id !== "string" || id.length > 128) return undefined;
    const [, tag, place, code = "", variation] = id.split(".");
    const release = this.releases.find((one) => one.id === tag);
    const name = release ? Object.keys(release.rules.slots)[Number(place)] : slot;
    const told = release ? this.#chosen(release.rules, name, code, variation) : UNKNOWN;
    /** @type {Partial<Told>} */
    const exposed = exposure === undefined ? {} : this.#exposed(exposure, name, code, variation);
    // What a known release says of the slot is more than what the experiment says.
    const content = told.content ?? exposed.content;
    return { id, release: tag, slot: String(name ?? "").slice(0, 64), ...told, ...exposed, content };
  }

  /**
   * @param {any} rules @param {string|undefined} name @param {string} code @param {string} variation
   * @returns {Told}
   */
  #chosen(rules, name, code, variation) {
    const slot = name && rules.slots[name];
    if (!slot) return UNVERIFIED;
    if (code[0] === "e") {
      return { ...this.#chosen(rules, name, code.slice(1), variation), content: undefined };
    }
    if (code === "o") return { reason: "off" };
    if (code === "h") return { content: slot.control, ...this.#held(rules.holdout, true) };
    if (code === "d") return { content: slot.default, reason: "default" };
    const rule = /^\d{1,4}$/.test(code) && slot.rules[code];
    if (!rule) return UNVERIFIED;
    if (!rule.experiment) return { content: rule.show, rule: rule.id, reason: `rule:${rule.id}` };
    return { rule: rule.id, ...this.#assigned(rules, rule.experiment, variation) };
  }

  /**
   * @param {unknown} exposure @param {unknown} slot @param {string} code @param {string} variation
   * @returns {Told}
   */
  #exposed(exposure, slot, code, variation) {
    for (const release of this.releases) {
      const { rules } = release;
      const entry = rules.holdout;
      if (entry && shortName(entry) === exposure) return this.#held(entry, /^e?h$/.test(code));
      const found = experimentsOf(release).get(String(exposure));
      if (!found) continue;
      // The same experiment may show other contents in other slots.
      const experiment = found[String(slot)] ?? Object.values(found)[0];
      const told = this.#assigned(rules, experiment, variation);
      if (told.experiment) this.#keep(String(exposure), Number(variation));
      return told;
    }
    return UNKNOWN;
  }

  /**
   * Both arms of the holdout are told: 0 is held out, 1 is served.
   * @param {any} entry @param {boolean} claimed @returns {Told}
   */
  #held(entry, claimed) {
    if (!entry || !this.unit || (holdout(entry, this.unit) !== null) !== claimed) return UNVERIFIED;
    const { key, share } = entry;
    if (claimed) return { experiment: key, variation: 0, propensity: share, reason: "holdout" };
    return { experiment: key, variation: 1, propensity: 1 - share, reason: "served" };
  }

  /** @param {any} rules @param {any} experiment @param {string} claimed @returns {Told} */
  #assigned(rules, experiment, claimed) {
    const { unit, sticky } = this;
    const held = !unit || holdout(rules.holdout, unit);
    const assigned = held ? null : assign(experiment, unit, sticky);
    if (!assigned || String(assigned.variation) !== claimed) return UNVERIFIED;
    const { key, variation, propensity } = assigned;
    const phase = experiment.phase > 1 ? `/${experiment.phase}` : "";
    const content = experiment.variations[variation];
    return { content, experiment: key, variation, propensity, reason: `experiment:${key}${phase}` };
  }

  /** @param {string} name @param {number} variation */
  #keep(name, variation) {
    const running = [...experimentsOf(this.releases[0]).keys()];
    this.sticky = keepVariation(this.sticky, name, variation, running);
  }
}

/** @type {WeakMap<Release, Map<string, Record<string, any>>>} */
const known = new WeakMap();

/** A release's experiments by short name, each as it runs in each slot. @param {Release} release */
function experimentsOf(release) {
  let running = known.get(release);
  if (running) return running;
  known.set(release, (running = new Map()));
  for (const [name, { rules }] of Object.entries(/** @type {Record<string, any>} */ (release.rules.slots))) {
    for (const { experiment } of rules.filter((/** @type {any} */ rule) => rule.experiment)) {
      const short = shortName(experiment);
      const slots = running.get(short) ?? Object.create(null);
      running.set(short, slots);
      slots[name] = experiment;
    }
  }
  return running;
}

/**
 * Return the cookie with one more variation; experiments that are no more are dropped.
 * @param {string} sticky @param {string} name @param {number} variation
 * @param {string[]} running the names of those that are
 */
export function keepVariation(sticky, name, variation, running) {
  const others = sticky.split(".").slice(1).filter((entry) => {
    const other = entry.slice(0, -2);
    return other !== name && running.includes(other);
  });
  return ["1", ...[...others, `${name}-${variation.toString(36)}`].slice(-MAX_KEPT)].join(".");
}
