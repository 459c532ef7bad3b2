/** Chooses a slot's content: the holdout, then the first rule that matches, then the default. */

import { chooseVariation, hash, inNamespace } from "./bucket.js";
import { evaluate } from "./conditions.js";

/**
 * @typedef {import("./decide.js").Visit} Visit
 * @typedef {{key: string, variation: number, in_holdout: boolean, propensity: number}} Assignment
 * @typedef {{content: string|null, reason: string, experiment: Assignment|null}} Choice
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
  const held = unit && holdout(rules.holdout, unit);
  if (held) return { content: slot.control ?? null, reason: "holdout", experiment: held };
  for (const rule of slot.rules) {
    if (rule.starts && visit.now < rule.starts) continue;
    if (rule.ends && visit.now >= rule.ends) continue;
    if (rule.when && !evaluate(rule.when, attributes())) continue;
    if (!rule.experiment) return { content: rule.show, reason: `rule:${rule.id}`, experiment: null };
    const assigned = unit && assign(rule.experiment, unit);
    if (!assigned) continue;
    return {
      content: rule.experiment.variations[assigned.variation],
      reason: `experiment:${assigned.key}`,
      experiment: assigned,
    };
  }
  return { content: slot.default ?? null, reason: "default", experiment: null };
}

/** @param {{key: string, share: number}|null} entry @param {string} unit @returns {Assignment|null} */
function holdout(entry, unit) {
  if (!entry || /** @type {number} */ (hash(entry.key, unit, 2)) >= entry.share) return null;
  return { key: entry.key, variation: 0, in_holdout: true, propensity: entry.share };
}

/** @param {any} experiment @param {string} unit @returns {Assignment|null} */
function assign(experiment, unit) {
  if (experiment.namespace && !inNamespace(unit, experiment.namespace)) return null;
  const bucket = /** @type {number} */ (hash(experiment.seed, unit, experiment.hash_version));
  const variation = chooseVariation(bucket, experiment.ranges);
  if (variation < 0) return null;
  const propensity = experiment.weights[variation];
  return { key: experiment.key, variation, in_holdout: false, propensity };
}
