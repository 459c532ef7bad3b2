/** Fills a shelf: ranks items stage by stage, then takes those that may be shown. */

import { categoriesOf } from "./attributes.js";
import { PERSONAL_STAGES } from "./release.js";
import { Scores } from "./scores.js";
import { weigh } from "./weights.js";

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
 * @property {import("./weights.js").Weights} [weights] of `boost` and `bury`
 * @property {{category?: number, group?: number}} [diversity]
 */

/** Candidates beyond the limit, for those that turn out sold out, seen, or of the same group. */
export const SPARE = 8;
/** Candidates beyond the limit whose cards are read at once; more are read only when short. */
const SPARE_CARDS = 4;

/** What an item's being of the kind of one just looked at adds to how new things are ranked. */
const LIKED = 8;

/** So few numbers are found faster in a list than in a set, which has to be made. */
const FEW = 12;

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

/** The cards taken so far, and what keeps others out. */
export class Shelf {
  /** @param {Scene} scene @param {Content} content @param {number} limit */
  constructor(scene, content, limit) {
    this.scene = scene;
    this.content = content;
    this.limit = limit;
    /** @type {Card[]} */
    this.cards = [];
    /** @type {string|null} */
    this.source = null;
    /** Their numbers: a dozen are found faster in a list than in a set. @type {number[]} */
    this.taken = [];
    this.skus = excludedSkus(scene.visit, content.exclude);
    this.groups = excludedGroups(scene.recent, this.skus);
    this.pageGroup = pageGroup(scene.page);
  }

  full() {
    return this.cards.length >= this.limit;
  }

  /** @param {string[]} skus @returns {boolean} whether all that is needed is there */
  pin(skus) {
    const { release, loader } = this.scene;
    const refused = refusal(this.scene, this.content.exclude);
    let ready = true;
    for (const sku of skus) {
      const found = release.find(loader, sku);
      if (found && refused(found.number)) continue;
      if (found === undefined || (found && !this.take([found.number], "pin"))) ready = false;
    }
    return ready;
  }

  /**
   * Take the items that may be shown until the shelf is full.
   * @param {number[]} items ranked numbers
   * @param {string} source
   * @returns {boolean} false when a card is missing; then those likely wanted next are asked for too
   */
  take(items, source) {
    for (let i = 0; i < items.length && !this.full(); i++) {
      const card = this.card(items[i]);
      if (card === undefined) {
        this.#askAhead(items, i + 1);
        return false;
      }
      if (!card || this.taken.includes(items[i]) || this.keepsOut(card)) continue;
      this.taken.push(items[i]);
      this.cards.push(card);
      this.source ??= source;
    }
    return true;
  }

  /** @param {number[]} items @param {number} from */
  #askAhead(items, from) {
    const end = from + this.limit - this.cards.length - 1 + SPARE_CARDS;
    for (const number of items.slice(from, end)) this.card(number);
  }

  /** @param {number} number @returns {Card|null|undefined} undefined until its value is read */
  card(number) {
    const card = this.#card(number);
    const { loader } = this.scene;
    return card && loader.overlays ? loader.overlays.card(loader, card) : card;
  }

  /** A card as the release has it for the visitor's market. @param {number} number @returns {Card|null|undefined} */
  #card(number) {
    const market = this.scene.release.marketTable(this.scene, number);
    const own = market && market.card(number);
    if (own) return own;
    const card = this.#anyCard(number);
    // Until a market's cards are read, or where they can't be, nobody sees another's prices.
    return market == null ? market : card;
  }

  /** @param {number} number @returns {Card|null|undefined} */
  #anyCard(number) {
    const { popular, latest, release, loader } = this.scene;
    const kept = popular?.card(number) ?? latest?.card(number);
    if (kept) return kept;
    const table = release.cardTable(loader, number);
    return table ? table.cards.card(number - table.first) : table;
  }

  /** What keeps a card off the shelf, as explanations name it; "" for nothing. @param {Card} card */
  keepsOut(card) {
    const { exclude, diversity } = this.content;
    if (!card.available && exclude.unavailable) return "unavailable";
    if (this.skus.includes(card.sku) || this.groups.includes(card.group)) return "session";
    if (card.group && card.group === this.pageGroup) return "page_group";
    return diversity && (card.group || diversity.category) ? this.#tooAlike(card, diversity) : "";
  }

  /** @param {Card} card @param {{category?: number, group?: number}} diversity */
  #tooAlike(card, { category, group }) {
    const alike = (/** @type {(other: Card) => boolean} */ same) => this.cards.filter(same).length;
    if (category && alike((other) => other.category === card.category) >= category) return "category";
    return group && card.group && alike((other) => other.group === card.group) >= group ? "group" : "";
  }
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
  if (content.weights) weigh(scene.loader, content.weights, total);
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

/** @param {Scene & {recent: any[]}} scene @param {Content} content @param {string} source @param {Scores} sums */
function fillSource(scene, content, source, sums) {
  const { release, recent, page, row, popular, latest } = scene;
  switch (source) {
    case "item":
      return page?.table.addRow(page.number, 1, sums);
    case "session":
      return fillSession(recent, release.serving, content.reminder, sums);
    case "visitor":
      return row && fillRow(row.items, row.scores, sums);
    case "repurchase":
      return row && fillRow(row.rebuy, row.rebuyScores, sums);
    case "segment":
      return scene.segments.forEach((key) => fillList(popular?.list(`segment:${key}`), sums));
    case "popular_here":
      // Without a crowd of that country, what the visitor's learned segment likes.
      return fillList(
        popular?.list(`country:${scene.country}`) ?? popular?.list(`segment:${scene.segments[0]}`),
        sums,
      );
    case "popular":
      return fillList(popular?.list("all"), sums);
    case "trending":
      return fillList(latest?.list(`trending:${scene.country}`) ?? latest?.list("trending"), sums);
    case "new":
      return fillNew(latest, recent, sums);
    case "also_bought":
    case "similar":
      return scene.related[source]?.forEach(({ table, number }) => table.addRow(number, 1, sums));
    case "recently_viewed":
      return recent.forEach(({ number }, i) => !sums.get(number) && sums.add(number, 1 / (i + 1)));
  }
}

/**
 * Sum the rows of the last items, the newest weighing most; `reminder` brings back items
 * already seen, once for each time. The decay constants travel in the manifest.
 * @param {import("./history.js").Found[]} recent
 * @param {any} serving
 * @param {boolean} reminder
 * @param {Scores} sums
 */
function fillSession(recent, serving, reminder, sums) {
  const { rows, reminders } = (serving.fading ??= fadingOf(serving));
  for (let i = 0; i < recent.length; i++) {
    const { table, number } = recent[i];
    table.addRow(number, rows[i], sums);
    if (reminder) sums.add(number, reminders[i]);
  }
}

/** What each of the last items weighs, the newest first. @param {any} serving */
function fadingOf({ items, decay, reminder, reminder_scale, reminder_decay }) {
  const rows = new Float64Array(items).map((_, i) => Math.exp(-i / decay));
  const most = reminder * reminder_scale;
  const reminders = new Float64Array(items).map((_, i) => most * Math.exp(-i / reminder_decay));
  return { rows, reminders };
}

/** @param {number[]} items @param {number[]} scores theirs @param {Scores} sums */
function fillRow(items, scores, sums) {
  for (let i = 0; i < items.length; i++) sums.add(items[i], scores[i]);
}

/** @param {ArrayLike<number>|undefined} list ranked items @param {Scores} sums */
function fillList(list, sums) {
  if (!list) return;
  for (let i = 0; i < list.length; i++) sums.add(list[i], 1 / (i + 1));
}

/**
 * Rank what is new, first of the kinds that the session looked at most.
 * @param {import("./tables.js").PopularTable|null|undefined} latest
 * @param {import("./history.js").Found[]} recent
 * @param {Scores} sums
 */
function fillNew(latest, recent, sums) {
  const list = latest?.list("new");
  fillList(list, sums);
  if (!list || !recent.length) return;
  const liked = categoriesOf(recent);
  sums.scale((item) => {
    const category = latest?.card(item)?.category;
    return category ? 1 + LIKED * liked.filter((one) => one === category).length : 1;
  });
}

/**
 * What a stage must not show. That someone bought a thing before today is why `repurchase` has it.
 * @param {Scene} scene @param {Record<string, boolean>} exclude @param {[string, number][]} [stage]
 */
function refusal({ page, recent, row }, exclude, stage) {
  /** @type {number[]} */
  const refused = page ? [page.number] : [];
  if (row) refused.push(...row.hidden);
  if (exclude.seen) for (const { number } of recent ?? []) refused.push(number);
  if (exclude.seen && row) refused.push(...row.seen);
  if ((exclude.seen || exclude.bought) && row) {
    const again = stage?.some(([source]) => source === "repurchase") ? row.rebuy : [];
    refused.push(...row.bought.filter((item) => !again.includes(item)));
  }
  if (refused.length <= FEW) return (/** @type {number} */ item) => refused.includes(item);
  const many = new Set(refused);
  return (/** @type {number} */ item) => many.has(item);
}

/** @param {Visit} visit @param {Record<string, boolean>} exclude @returns {string[]} */
function excludedSkus({ session, page, consent }, exclude) {
  const skus = page.item ? [page.item] : [];
  if (!consent.personalization) return skus;
  for (const { kind, item } of session.events) {
    const told = (exclude.in_cart && kind === "cart") || (exclude.bought && kind === "order");
    if (exclude.seen || told) skus.push(item);
  }
  return skus;
}

/**
 * What is out in one size is out in all: the variant groups of the session's last items that are.
 * @param {import("./history.js").Found[]} [recent] @param {string[]} [skus]
 */
function excludedGroups(recent = [], skus = []) {
  const cards = skus.length ? recent.map(({ table, number }) => table.cards.card(number - table.first)) : [];
  return cards.filter(({ group, sku }) => group && skus.includes(sku)).map(({ group }) => group);
}

/** @param {import("./history.js").Found|null|undefined} page @returns {number} its variant group, 0 for none */
function pageGroup(page) {
  return page ? page.table.cards.card(page.number - page.table.first).group : 0;
}
