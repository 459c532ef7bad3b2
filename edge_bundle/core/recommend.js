/** Ranks the items of a shelf, stage by stage. */

import { PERSONAL_STAGES } from "./release.js";
import { Scores } from "./scores.js";
import { Shelf, refusal } from "./shelf.js";
import { fillSource } from "./sources.js";

/**
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./visit.js").Visit} Visit
 * @typedef {import("./cards.js").Card} Card
 *
 * @typedef {object} Content
 * @property {[string, number][][]} from stages; a stage is a blend of sources with weights
 * @property {number} limit
 * @property {Record<string, boolean>} exclude
 * @property {boolean} reminder
 * @property {string} template
 * @property {string[]} [pin] SKUs that come first
 * @property {import("../extras/weights.js").Weights} [weights] of `boost` and `bury`
 * @property {{category?: number, group?: number}} [diversity]
 */

/** Candidates beyond the limit, for those that turn out sold out, seen, or of the same group. */
export const SPARE = 8;

/** Scratch sums, one per source of a blend; nothing waits while they are in use. */
export const total = new Scores();
/** @type {Scores[]} */
export const parts = [];
/** What each of them was multiplied by. @type {number[]} */
const scales = [];

/**
 * Return the cards of a shelf, best first, and the source that gave the first; null when cards
 * are missing.
 * @param {Scene} scene
 * @param {Content} content
 * @param {number} limit
 * @returns {{cards: Card[], source: string|null}|null}
 */
export function fillShelf(scene, content, limit) {
  const shelf = new Shelf(scene, content, limit);
  if (content.pin && !shelf.pin(content.pin)) return null;
  for (const stage of content.from) {
    if (shelf.full()) break;
    if (!ready(scene, stage)) return null;
    // More candidates are ranked only when too many of the first may not be shown.
    let count = limit + SPARE;
    for (;;) {
      const { items, source } = rank(scene, content, stage, count);
      // Too few: what comes after this stage is read along with the cards.
      if (items.length < limit) for (const later of content.from) ready(scene, later);
      if (!shelf.take(items, source)) return null;
      if (shelf.full() || items.length < count) break;
      count *= 8;
    }
  }
  return shelf;
}

/** Whether all that a stage reads is there; what is not is noted as missing. @param {Scene} scene @param {[string, number][]} stage */
export function ready(scene, stage) {
  let all = true;
  for (const [source] of stage) if (!scene.lookUpSource(source)) all = false;
  return all;
}

/**
 * Rank the items of a stage. Synchronous, since the scratch sums are shared.
 * @param {Scene} scene
 * @param {Content} content
 * @param {[string, number][]} stage
 * @param {number} limit
 * @returns {{items: number[], source: string}}
 */
export function rank(scene, content, stage, limit) {
  const allowed = allowedSources(scene.visit, stage);
  total.clear();
  for (let i = 0; i < allowed.length; i++) {
    const sums = allowed.length > 1 ? (parts[i] ??= new Scores()) : total;
    sums.clear();
    fillSource(/** @type {any} */ (scene), content, allowed[i][0], sums);
    if (sums === total) continue;
    scales[i] = allowed[i][1] / (sums.max() || 1);
    if (sums.size) total.addAll(sums, scales[i]);
  }
  if (content.weights) scene.release.weighing?.weigh(scene.loader, content.weights, total);
  const items = total.best(limit, refusal(scene, content.exclude, stage));
  return { items, source: leading(allowed, items[0]) };
}

/** The sources of a stage that the visitor's consent allows. @param {Visit} visit @param {[string, number][]} stage */
export function allowedSources({ consent }, stage) {
  return consent.personalization ? stage : stage.filter(([source]) => !PERSONAL_STAGES.has(source));
}

/** Name the source that gave most of an item's score. @param {[string, number][]} sources @param {number} item */
function leading(sources, item) {
  let best = 0;
  let most = -1;
  for (let i = 0; item !== undefined && sources.length > 1 && i < sources.length; i++) {
    const share = scales[i] * parts[i].get(item);
    if (share > most) {
      most = share;
      best = i;
    }
  }
  return sources[best]?.[0] ?? "";
}
