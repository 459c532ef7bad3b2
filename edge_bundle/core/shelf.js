/** What stands on a shelf: takes the cards that may be shown, and says what keeps others out. */

/**
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./visit.js").Visit} Visit
 * @typedef {import("./cards.js").Card} Card
 * @typedef {import("./recommend.js").Content} Content
 */

/** Candidates beyond the limit whose cards are read at once; more are read only when short. */
const SPARE_CARDS = 4;

/** So few numbers are found faster in a list than in a set, which has to be made. */
const FEW = 12;

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
    const { markets, rarer } = this.scene.release;
    const market = markets && rarer?.marketTable(this.scene, number);
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
 * What a stage must not show. That someone bought a thing before today is why `repurchase` has it.
 * @param {Scene} scene @param {Record<string, boolean>} exclude @param {[string, number][]} [stage]
 */
export function refusal({ page, recent, row }, exclude, stage) {
  /** @type {number[]} */
  const refused = page ? [page.number] : [];
  const lists = row?.lists;
  if (lists) refused.push(...lists.hidden);
  if (exclude.seen) for (const { number } of recent ?? []) refused.push(number);
  if (exclude.seen && lists) refused.push(...lists.seen);
  if ((exclude.seen || exclude.bought) && lists) {
    const again = stage?.some(([source]) => source === "repurchase") ? lists.rebuy : [];
    refused.push(...lists.bought.filter((item) => !again.includes(item)));
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
