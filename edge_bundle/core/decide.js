/** Decides what each slot shows: chooses its content by rule, then makes it. */

import { choose } from "./choose.js";
import { needsOf } from "./needs.js";
import { randomText } from "./platform.js";
import { fillShelf } from "./recommend.js";
import { contentMarkup, shelfMarkup } from "./render.js";

/**
 * @typedef {import("./visit.js").Visit} Visit
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {{name: string, limit?: number}} SlotRequest
 * @typedef {import("./choose.js").Assignment} Assignment
 * @typedef {import("./choose.js").Choice} Choice
 *
 * @typedef {object} Decision
 * @property {string} id
 * @property {string|null} content null for the page's own content
 * @property {import("./cards.js").Card[]} cards
 * @property {string} reason
 * @property {Assignment|null} experiment
 * @property {any} html in the scene's form; null for the page's own content
 */

/**
 * Decide a slot without waiting: null when values are missing, which the loader then knows.
 * @param {Scene} scene @param {string} name a known slot
 */
export function decideOne(scene, name) {
  const { loader } = scene;
  const decision = decideSlot(scene, { name }, `${randomText(loader.platform, 12)}0`);
  if (decision) loader.health.decided(decision.reason);
  return decision;
}

/** @param {Scene} scene @param {SlotRequest} slot @param {string} id @returns {Decision|null} */
export function decideSlot(scene, { name, limit }, id) {
  const place = id + scene.release.place(name);
  if (scene.loader.overlays?.off.has(name)) return { id: `${place}o`, ...OFF };
  const needs = needsOf(scene.release, name);
  if (!scene.lookUpVisitor(needs)) {
    // So that what a shelf lacks is read at the same time.
    scene.lookUp(needs);
    return null;
  }
  /** @type {Record<string, any>|undefined} made only when a rule asks */
  let made;
  const attributes = () => (made ??= scene.attributes(needs.attributes));
  const choice = choose(scene.release.rules, name, scene.visit, attributes);
  return fill(scene, needs, choice, place, limit);
}

/**
 * Make the chosen content. A shelf without a single item leaves the page's own content.
 * @param {Scene} scene
 * @param {import("./needs.js").Needs} needs the slot's
 * @param {Choice} choice
 * @param {string} place what its id says before what was chosen
 * @param {number} [limit]
 * @returns {Decision|null}
 */
function fill(scene, needs, { content: name, reason, experiment, code }, place, limit) {
  const id = place + code;
  const { rules, templates } = scene.release;
  const { form } = scene;
  const content = name === null ? undefined : rules.content[name];
  if (!content) return { id, content: null, cards: NONE, reason, experiment, html: null };
  if (content.kind === "html") {
    return { id, content: name, cards: NONE, reason, experiment, html: contentMarkup(content, form) };
  }
  const shelf = shelfOf(scene, needs, content, limit ?? content.limit);
  if (!shelf) return null;
  const { cards, source } = shelf;
  if (!cards.length) {
    return { id: `${place}e${code}`, content: null, cards: NONE, reason: "empty", experiment, html: null };
  }
  return {
    id,
    content: name,
    cards,
    reason: reason === "default" ? (source ?? reason) : reason,
    experiment,
    html: form && (shelf.html[form.name] ??= shelfMarkup(cards, templates[content.template], form)),
  };
}

/** @param {Scene} scene @param {import("./needs.js").Needs} needs @param {any} content @param {number} limit */
function shelfOf(scene, needs, content, limit) {
  const { lately } = scene.release;
  const known = lately.recall(scene, content, limit);
  if (known) return known;
  const shelf = scene.lookUp(needs) ? fillShelf(scene, content, limit) : null;
  return shelf && lately.keep(scene, content, limit, shelf);
}

/** @type {import("./cards.js").Card[]} */
const NONE = [];
const OFF = { content: null, cards: NONE, reason: "off", experiment: null, html: null };
