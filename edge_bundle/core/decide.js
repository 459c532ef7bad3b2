/** Decides what each slot shows: chooses its content by rule, then makes it. */

import { attributesOf } from "./attributes.js";
import { choose } from "./choose.js";
import { lookUp } from "./history.js";
import { toBase64 } from "./platform.js";
import { fillShelf } from "./recommend.js";
import { renderShelf } from "./render.js";

/**
 * @typedef {object} Visit everything a decision depends on beside the release
 * @property {number} now epoch milliseconds
 * @property {import("./purposes.js").Consent} consent
 * @property {string|null} device
 * @property {boolean} isNew whether the device was not known before
 * @property {string|null} user
 * @property {{high: number, low: number}|null} visitor a visitor key named by a trusted caller
 * @property {import("./session.js").Session} session
 * @property {{item: string, category: string}} page
 * @property {Record<string, any>} facts attributes of the request
 *
 * @typedef {{name: string, limit?: number}} SlotRequest
 * @typedef {import("./choose.js").Assignment} Assignment
 * @typedef {import("./choose.js").Choice} Choice
 *
 * @typedef {object} Decision
 * @property {string} id
 * @property {string|null} content null for the page's own content
 * @property {string[]} items
 * @property {string} reason
 * @property {Assignment|null} experiment
 * @property {string|null} html null for the page's own content
 *
 * @typedef {import("./release.js").Release} Release
 * @typedef {import("./loader.js").Loader} Loader
 */

/**
 * @param {Loader} loader
 * @param {Release} release
 * @param {boolean} fresh whether the head is recent enough for visitor rows
 * @param {Visit} visit
 * @param {SlotRequest[]} slots known slots
 * @returns {Promise<{segments: string[], decisions: Record<string, Decision>}>}
 */
export async function decideSlots(loader, release, fresh, visit, slots) {
  const history = await lookUp(loader, release, visit, needsOf(release, slots), fresh);
  const { rules } = release;
  /** @type {Record<string, any>|undefined} made only when a rule asks */
  let made;
  const attributes = () => (made ??= attributesOf(visit, history, rules.timezone));
  const id = toBase64(loader.platform.random(9));
  const scene = { release, loader, visit, history };
  const decided = await Promise.all(
    slots.map(async ({ name, limit }, i) => {
      const choice = choose(rules, name, visit, attributes);
      const shown = await fill(scene, choice, limit);
      loader.health.decided(shown.reason);
      const decision = { id: `${id}${i.toString(36)}`, experiment: choice.experiment, ...shown };
      return /** @type {[string, Decision]} */ ([name, decision]);
    }),
  );
  return { segments: history.segments, decisions: Object.fromEntries(decided) };
}

/** Say which values the slots' contents and conditions can need. @param {Release} release @param {SlotRequest[]} slots */
function needsOf(release, slots) {
  const needs = { items: false, visitor: false };
  for (const { name } of slots) {
    const need = (release.needs[name] ??= slotNeeds(release.rules, release.rules.slots[name]));
    needs.items ||= need.items;
    needs.visitor ||= need.visitor;
  }
  return needs;
}

/** @param {any} rules @param {any} slot */
export function slotNeeds(rules, slot) {
  const conditions = JSON.stringify(slot.rules);
  const shelf = contentsOf(slot).some((name) => rules.content[name]?.kind === "items");
  return {
    items: shelf || conditions.includes('"session.categories'),
    visitor: shelf || conditions.includes('"segments'),
  };
}

/** @param {any} slot @returns {string[]} */
function contentsOf(slot) {
  const shown = slot.rules.flatMap((/** @type {any} */ rule) => rule.experiment?.variations ?? rule.show);
  return [slot.default, slot.control, ...shown].filter(Boolean);
}

/**
 * Make the chosen content. A shelf without a single item leaves the page's own content.
 * @param {import("./recommend.js").Scene} scene
 * @param {Choice} choice
 * @param {number} [limit]
 */
async function fill(scene, { content: name, reason }, limit) {
  const { release } = scene;
  const content = name === null ? undefined : release.rules.content[name];
  if (!content) return { content: null, items: [], html: null, reason };
  if (content.kind === "html") return { content: name, items: [], html: content.html, reason };
  const { cards, source } = await fillShelf(scene, content, limit ?? content.limit);
  if (!cards.length) return { content: null, items: [], html: null, reason: "empty" };
  return {
    content: name,
    items: cards.map((card) => card.sku),
    html: renderShelf(cards, release.templates[content.template], content.template),
    reason: reason === "default" ? (source ?? reason) : reason,
  };
}
