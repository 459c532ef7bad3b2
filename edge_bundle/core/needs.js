/** What a slot can ask for, found once per release, so that a decision looks up no more. */

import { CATEGORIES } from "./attributes.js";

/**
 * @typedef {object} Needs
 * @property {boolean} items whether a shelf needs the session's items
 * @property {boolean} visitor whether one needs the visitor's row
 * @property {boolean} segments whether one needs the visitor's segments
 * @property {boolean} recent whether a condition needs the session's items
 * @property {string[]} first sources that a shelf of the slot begins with
 * @property {string[]} attributes names that the slot's conditions ask for
 * @property {import("../extras/weights.js").Weights[]} weights of the slot's shelves
 */

/** @param {import("./release.js").Release} release @param {string} name a known slot @returns {Needs} */
export function needsOf(release, name) {
  let needs = release.needs.get(name);
  if (!needs) release.needs.set(name, (needs = slotNeeds(release.rules, release.rules.slots[name])));
  return needs;
}

/** What a slot's conditions and contents need. @param {any} rules @param {any} slot @returns {Needs} */
export function slotNeeds(rules, slot) {
  const needs = choiceNeeds(slot);
  const shelves = contentsOf(slot)
    .map((content) => rules.content[content])
    .filter((content) => content?.kind === "items");
  if (!shelves.length) return needs;
  const weights = shelves.flatMap((shelf) => shelf.weights ?? []);
  const segments = needs.segments || /\["(segment|popular_here)",/.test(JSON.stringify(shelves));
  // A list of a segment is asked for once it is known which.
  const stages = shelves.flatMap(({ from }) => from[0]);
  const first = [...new Set(stages.map(([source]) => source))].filter((one) => one !== "segment");
  return { ...needs, items: true, visitor: true, segments, first, weights };
}

/** What it takes to choose a slot's content, without making it. @param {any} slot @returns {Needs} */
export function choiceNeeds(slot) {
  const paths = slot.rules.flatMap((/** @type {any} */ rule) => pathsOf(rule.when));
  const segments = paths.includes("segments");
  return {
    items: false, visitor: segments, segments, recent: needItems(paths),
    first: [], attributes: attributesIn(paths), weights: [],
  };
}

/** Whether conditions on these paths need the session's items. @param {string[]} paths */
export function needItems(paths) {
  return paths.some((path) => /^session(\.categories|$)/.test(path));
}

/** @param {string[]} paths @returns {string[]} the attributes they start at */
export function attributesIn(paths) {
  const names = paths.map((path) => path.split(".")[0]);
  return [...new Set(needItems(paths) ? [...names, CATEGORIES] : names)];
}

/** @param {any} condition @returns {string[]} the paths of attributes it asks for */
export function pathsOf(condition) {
  if (typeof condition !== "object" || condition === null) return [];
  if (Array.isArray(condition)) return condition.flatMap(pathsOf);
  return Object.keys(condition).flatMap((key) => (key[0] === "$" ? pathsOf(condition[key]) : [key]));
}

/** @param {any} slot @returns {string[]} */
function contentsOf(slot) {
  const shown = slot.rules.flatMap((/** @type {any} */ rule) => rule.experiment?.variations ?? rule.show);
  return [slot.default, slot.control, ...shown].filter(Boolean);
}
