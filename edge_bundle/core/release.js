/** An opened manifest: which values a release is made of, and its rules. */

import { hashText } from "./hash.js";
import { lowerBound, openTable } from "./columns.js";
import { openOldItems, openOldPopular, openOldVisitors } from "./format1.js";
import { partOf, valueNumber } from "./locate.js";
import { hex } from "./platform.js";
import { shortName } from "./sticky.js";
import { CardTable, ItemTable, PopularTable, VisitorTable } from "./tables.js";

/** @typedef {import("./loader.js").Loader} Loader */

/** How the values of a release are opened, by its format. */
const OPENERS = {
  1: { items: openOldItems, visitors: openOldVisitors, popular: openOldPopular },
  2: {
    items: opener(ItemTable, "items"),
    visitors: opener(VisitorTable, "visitors"),
    popular: opener(PopularTable, "popular"),
  },
};
const openCards = opener(CardTable, "cards");

/**
 * @template T
 * @param {new (table: Record<string, any>, size: number) => T} Table
 * @param {string} kind
 */
function opener(Table, kind) {
  return (/** @type {ArrayBuffer} */ buffer) => new Table(openTable(buffer, kind), buffer.byteLength);
}

/** Stages that read what a visitor did before; without consent they are left out. */
export const PERSONAL_STAGES = new Set(["session", "visitor", "recently_viewed", "repurchase"]);

export class Release {
  /** @param {any} body a genuine manifest @param {string} key its key in the store */
  constructor(body, key) {
    this.body = body;
    this.id = key.slice(2, 14);
    this.manifest = key;
    /** @type {number} */
    this.format = body.format;
    this.rules = body.rules;
    this.templates = body.templates;
    this.serving = body.serving;
    /** @type {[key: string, name: string, when: any][]} */
    this.segments = body.segments;
    /** @type {typeof OPENERS[2]} */
    this.open = OPENERS[/** @type {1|2} */ (body.format)];
    this.locator = body.items.locator;
    this.items = listOf("i", body.items);
    this.cards = body.cards?.digests.length ? listOf("c", body.cards) : null;
    this.visitors = listOf("u", body.visitors);
    /** @type {string} */
    this.keyId = body.visitors.key_id;
    this.popularKey = `p-${hex(body.popular)}`;
    /** What each slot can ask for, filled as slots are asked for. */
    /** @type {Map<string, import("./needs.js").Needs>} */
    this.needs = new Map();
    /** What decision ids say of each slot, filled likewise. */
    /** @type {Map<string, string>} */
    this.places = new Map();
    /** @type {Map<string, any>|null} */
    this.running = null;
  }

  /** The part of a decision's id that names release and slot. @param {string} name a known slot */
  place(name) {
    let place = this.places.get(name);
    if (!place) {
      place = `.${this.id}.${Object.keys(this.rules.slots).indexOf(name)}.`;
      this.places.set(name, place);
    }
    return place;
  }

  /** Its experiments by short name. */
  get experiments() {
    if (!this.running) {
      const rules = Object.values(this.rules.slots).flatMap((slot) => slot.rules);
      const all = rules.map(({ experiment }) => experiment).filter(Boolean);
      this.running = new Map(all.map((experiment) => [shortName(experiment), experiment]));
    }
    return this.running;
  }

  /** The same release under other rules. @param {any} rules */
  withRules(rules) {
    return new Release({ ...this.body, rules }, this.manifest);
  }

  /**
   * Read what the manifest moved into pages of its own and every decision needs.
   * @param {Loader} loader
   */
  async complete(loader) {
    const lists = [this.items, this.cards].map((list) => list && wholeList(loader, list));
    [this.items, this.cards] = /** @type {[List, List|null]} */ (await Promise.all(lists));
  }

  /**
   * Find an item: the table it stands in and its number; null for an unknown SKU, undefined
   * until its values are read.
   * @param {Loader} loader
   * @param {string} sku
   * @returns {{table: ItemTable, number: number}|null|undefined}
   */
  find(loader, sku) {
    const hash = hashText(sku);
    const part = partOf(this.locator, hash);
    const cells = part.cells ?? this.#cells(loader, part);
    if (!cells) return cells;
    const key = this.items.keys[valueNumber(part, cells, hash)];
    const table = key ? loader.table(key, this.open.items) : null;
    if (!table) return table;
    const number = table.find(hash);
    return number < 0 ? null : { table, number };
  }

  /**
   * Return the table that has an item's card.
   * @param {Loader} loader @param {number} number @returns {ItemTable|CardTable|null|undefined}
   */
  cardTable(loader, number) {
    return this.cards
      ? loader.table(keyOf(this.cards, number), openCards)
      : loader.table(keyOf(this.items, number), this.open.items);
  }

  /** @param {Loader} loader @returns {PopularTable|null|undefined} */
  popular(loader) {
    return loader.table(this.popularKey, this.open.popular);
  }

  /**
   * @param {Loader} loader
   * @param {{high: number, low: number}} key the upper 32 and next 16 bits of a visitor key
   * @returns {import("./tables.js").VisitorRow|null|undefined} undefined until it is read
   */
  visitor(loader, key) {
    let list = this.visitors;
    if (!list.keys.length || key.high < list.firsts[0]) return null;
    if (list.paged) {
      const page = loader.table(keyOf(list, key.high), openVisitorPage);
      if (!page) return page;
      list = page.list;
    }
    const table = loader.table(keyOf(list, key.high), this.open.visitors);
    return table ? table.find(key.high, key.low) : table;
  }

  /** @param {Loader} loader @param {import("./locate.js").LocatorPart} part */
  #cells(loader, part) {
    part.key ??= `l-${hex(/** @type {Uint8Array} */ (part.digest))}`;
    const table = loader.table(part.key, openLocator);
    return table ? table.cells : table;
  }
}

/** @param {ArrayBuffer} buffer */
function openLocator(buffer) {
  return { bytes: buffer.byteLength, cells: openTable(buffer, "locator").cells };
}

/**
 * Values by the first number each holds: items, or the upper half of a visitor's key.
 * @typedef {{firsts: Uint32Array, keys: string[], paged: boolean, prefix: string}} List
 */

/** @param {string} prefix @param {any} entry of the manifest, or of a page @returns {List} */
function listOf(prefix, { firsts, cuts, digests, paged = false }) {
  const keys = [];
  for (let i = 0; i < digests.length; i += 16) {
    keys.push(`${paged ? "x" : prefix}-${hex(digests.subarray(i, i + 16))}`);
  }
  return { firsts: new Uint32Array((firsts ?? cuts).slice().buffer), keys, paged, prefix };
}

/** @param {List} list @param {number} number */
function keyOf(list, number) {
  return list.keys[lowerBound(list.firsts, number + 1) - 1];
}

/** @param {string} prefix */
function pageOpener(prefix) {
  return (/** @type {ArrayBuffer} */ buffer) => ({
    bytes: 4 * buffer.byteLength,
    list: listOf(prefix, openTable(buffer, "index")),
  });
}
const openVisitorPage = pageOpener("u");

/** Join a list's pages. @param {Loader} loader @param {List} list @returns {Promise<List>} */
async function wholeList(loader, list) {
  if (!list.paged) return list;
  const pages = await Promise.all(list.keys.map((key) => loader.fetch(key, pageOpener(list.prefix))));
  if (pages.some((page) => page === null)) throw new Error("missing");
  const firsts = new Uint32Array(pages.reduce((sum, { list: { keys } }) => sum + keys.length, 0));
  let at = 0;
  for (const { list: { firsts: some } } of pages) {
    firsts.set(some, at);
    at += some.length;
  }
  return { firsts, keys: pages.flatMap(({ list: { keys } }) => keys), paged: false, prefix: list.prefix };
}
