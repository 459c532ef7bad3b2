/** Chooses a slot's content: the holdout, then the first rule that matches, then the default. */

import { chooseVariation, hash, inNamespace } from "./bucket.js";
import { evaluate } from "./conditions.js";
import { keptVariation, shortName } from "./sticky.js";

/**
 * @typedef {import("./decide.js").Visit} Visit
 * @typedef {{key: string, variation: number, in_holdout: boolean, propensity: number}} Assignment
 *
 * @typedef {object} Choice
 * @property {string|null} content
 * @property {string} reason
 * @property {Assignment|null} experiment
 * @property {string} code what the decision's id says: which rule (or h, d), its variation, then
 *   the short names of the holdout and of the experiment, whose exposures are due
 */

/**
 * @param {any} rules
 * @param {string} name
 * @param {Visit} visit
 * @param {() => Record<string, any>} attributes
 * @returns {Choice}
 */
export function choose(rules, name, visit, attributes) {
  const slot = rules.slots[name];
  const unit = visit.consent.personalization ? visit.device : null;
  const entry = unit === null ? null : rules.holdout;
  const held = unit === null ? null : holdout(rules.holdout, unit);
  if (held) {
    const code = `h.0.${shortName(entry)}`;
    return { content: slot.control ?? null, reason: "holdout", experiment: held, code };
  }
  const all = entry ? `..${shortName(entry)}` : "";
  for (let i = 0; i < slot.rules.length; i++) {
    const rule = slot.rules[i];
    if (rule.starts && visit.now < rule.starts) continue;
    if (rule.ends && visit.now >= rule.ends) continue;
    if (rule.when && !evaluate(rule.when, attributes())) continue;
    if (!rule.experiment) {
      return { content: rule.show, reason: `rule:${rule.id}`, experiment: null, code: i + all };
    }
    const assigned = unit && assign(rule.experiment, unit, visit.sticky);
    if (!assigned) continue;
    const { key, variation } = assigned;
    return {
      content: rule.experiment.variations[variation],
      reason: `experiment:${key}`,
      experiment: assigned,
      code: `${i}.${variation}.${entry ? shortName(entry) : ""}.${shortName(rule.experiment)}`,
    };
  }
  return { content: slot.default ?? null, reason: "default", experiment: null, code: `d${all}` };
}

/** @param {{key: string, share: number}|null} entry @param {string} unit @returns {Assignment|null} */
export function holdout(entry, unit) {
  if (!entry || /** @type {number} */ (hash(entry.key, unit, 2)) >= entry.share) return null;
  return { key: entry.key, variation: 0, in_holdout: true, propensity: entry.share };
}

/**
 * Assign a device: to what it was shown before, else by its hash.
 * @param {any} experiment @param {string} unit @param {string} sticky the fs_exp cookie
 * @returns {Assignment|null}
 */
export function assign(experiment, unit, sticky) {
  const kept = sticky ? keptVariation(sticky, shortName(experiment)) : -1;
  const known = kept >= 0 && kept < experiment.variations.length;
  const variation = known ? kept : hashed(experiment, unit);
  if (variation < 0) return null;
  const propensity = experiment.weights[variation];
  return { key: experiment.key, variation, in_holdout: false, propensity };
}

/** @param {any} experiment @param {string} unit @returns {number} -1 outside namespace or coverage */
function hashed({ namespace, seed, hash_version: version, ranges }, unit) {
  if (namespace && !inNamespace(unit, namespace)) return -1;
  return chooseVariation(/** @type {number} */ (hash(seed, unit, version)), ranges);
}
