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
    this.rules = shaped(body.rules);
    this.templates = shaped(body.templates);
    this.serving = shaped(body.serving);
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
    /** The slots' names as this release has them. @type {Map<string, string>} */
    this.names = new Map(Object.keys(this.rules.slots).map((name) => [name, name]));
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

  /** Its experiments by short name, each as it runs in each slot. */
  get experiments() {
    if (this.running) return this.running;
    const running = (this.running = new Map());
    for (const [name, { rules }] of Object.entries(this.rules.slots)) {
      for (const { experiment } of rules.filter((/** @type {any} */ rule) => rule.experiment)) {
        const short = shortName(experiment);
        if (!running.has(short)) running.set(short, Object.create(null));
        running.get(short)[name] = experiment;
      }
    }
    return running;
  }

  /** The same release under other rules. @param {any} rules */
  withRules(rules) {
    return new Release({ ...this.body, rules }, this.manifest);
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
    const items = this.#items(loader);
    if (!cells || !items) return cells === undefined || items === undefined ? undefined : null;
    const key = items.keys[valueNumber(part, cells, hash)];
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
    const list = this.cards ? this.#cards(loader) : this.#items(loader);
    return list ? loader.table(keyOf(list, number), this.cards ? openCards : this.open.items) : list;
  }

  /** @param {Loader} loader @returns {List|null|undefined} */
  #items(loader) {
    return this.items.paged ? joined(loader, this.items, (list) => (this.items = list)) : this.items;
  }

  /** @param {Loader} loader @returns {List|null|undefined} */
  #cards(loader) {
    return this.cards?.paged ? joined(loader, this.cards, (list) => (this.cards = list)) : this.cards;
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
      const page = loader.table(keyOf(list, key.high), PAGES.u);
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

/**
 * Return the same data in objects that V8 gives a shape. Without a prototype they have none, and
 * each look-up costs several times more; the prototype of these is as empty.
 * @param {any} value
 * @returns {any}
 */
function shaped(value) {
  if (Array.isArray(value)) return value.map(shaped);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  const out = new (/** @type {any} */ (Shaped))();
  for (const key of Object.keys(value)) out[key] = shaped(value[key]);
  return out;
}

function Shaped() {}
Shaped.prototype = Object.freeze(Object.create(null));

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

/** How a page is opened, by the letter of the values it lists. */
const PAGES = { i: pageOpener("i"), c: pageOpener("c"), u: pageOpener("u") };

/** @param {string} prefix */
function pageOpener(prefix) {
  return (/** @type {ArrayBuffer} */ buffer) => ({
    bytes: 4 * buffer.byteLength,
    list: listOf(prefix, openTable(buffer, "index")),
  });
}

/**
 * Join a list's pages, once: undefined until all are read, null when one can't be had.
 * @param {Loader} loader
 * @param {List} list
 * @param {(whole: List) => List} keep
 */
function joined(loader, { keys, prefix }, keep) {
  const open = PAGES[/** @type {"i"|"c"} */ (prefix)];
  const pages = keys.map((key) => loader.table(key, open));
  if (pages.includes(undefined)) return undefined;
  if (pages.includes(null)) return null;
  const firsts = pages.flatMap(({ list }) => Array.from(/** @type {List} */ (list).firsts));
  const all = pages.flatMap(({ list }) => /** @type {List} */ (list).keys);
  return keep({ firsts: Uint32Array.from(firsts), keys: all, paged: false, prefix });
}
