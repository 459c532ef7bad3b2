/** An opened manifest: which values a release is made of, and its rules. */

import { hashText } from "./hash.js";
import { lowerBound, openTable } from "./columns.js";
import { Lately } from "./lately.js";
import { partOf, valueNumber } from "./locate.js";
import { hex } from "./platform.js";
import { CardTable, ItemTable, PopularTable } from "./tables.js";

/**
 * @typedef {import("./loader.js").Loader} Loader
 */

/**
 * How the values of a release are opened; visitors' rows by what is loaded with the first that has any.
 * @type {{items: (buffer: ArrayBuffer) => ItemTable, popular: (buffer: ArrayBuffer) => PopularTable,
 *   visitors?: (buffer: ArrayBuffer) => import("../extras/visitors.js").VisitorTable}}
 */
const OPENERS = {
  items: opener(ItemTable, "items"),
  popular: opener(PopularTable, "popular"),
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
  /** @param {any} body a genuine manifest @param {string} key its key in the store @param {typeof OPENERS} [open] */
  constructor(body, key, open = OPENERS) {
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
    this.open = open;
    this.locator = body.items.locator;
    /** Lists of values: "items", "cards" where these stand apart, and what extras/lists.js adds. */
    /** @type {Record<string, List>} */
    this.lists = { items: listOf("i", body.items) };
    if (body.cards?.digests.length) this.lists.cards = listOf("c", body.cards);
    /** Whether some market has cards of its own. */
    this.markets = Object.keys(body.markets ?? {}).length > 0;
    this.visitors = listOf("u", body.visitors);
    /** @type {string} */
    this.keyId = body.visitors.key_id;
    this.popularKey = `p-${hex(body.popular)}`;
    /** The slots' names as this release has them. @type {Map<string, string>} */
    this.names = new Map(Object.keys(this.rules.slots).map((name) => [name, name]));
    /** What only some releases take, where this is one. @type {typeof import("../extras/rarer.js")|null} */
    this.rarer = null;
    /** What `boost` and `bury` take, where the rules have any. */
    /** @type {typeof import("../extras/weights.js")|null} */
    this.weighing = null;
    /** What each slot can ask for, filled as slots are asked for. */
    /** @type {Map<string, import("./needs.js").Needs>} */
    this.needs = new Map();
    this.lately = new Lately();
    /** What decision ids say of each slot, filled likewise. */
    /** @type {Map<string, string>} */
    this.places = new Map();
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

  /**
   * Find an item: the table it stands in and its number; null for an unknown SKU, undefined
   * until its values are read.
   * @param {Loader} loader
   * @param {string} sku
   * @returns {{table: ItemTable, number: number}|null|undefined}
   */
  find(loader, sku) {
    const hash = hashText(sku);
    const place = this.placeOf(loader, hash);
    if (place == null) return place;
    const table = loader.table(this.lists.items.keys[place], this.open.items);
    if (!table) return table;
    const number = table.find(hash);
    return number < 0 ? null : { table, number };
  }

  /** The place of the item value that an SKU would stand in. @param {Loader} loader @param {{high: number, low: number}} hash */
  placeOf(loader, hash) {
    const part = partOf(this.locator, hash);
    const cells = part.cells ?? this.#cells(loader, part);
    const items = this.list(loader, "items");
    if (!cells || !items) return cells === undefined || items === undefined ? undefined : null;
    const place = valueNumber(part, cells, hash);
    return place < items.keys.length ? place : null;
  }

  /**
   * Return the table that has an item's card.
   * @param {Loader} loader @param {number} number @returns {ItemTable|CardTable|null|undefined}
   */
  cardTable(loader, number) {
    const { cards } = this.lists;
    const list = this.list(loader, cards ? "cards" : "items");
    return list ? loader.table(keyOf(list, number), cards ? openCards : this.open.items) : list;
  }

  /** A list, whole: undefined until its pages are read. @param {Loader} loader @param {string} name @returns {List|null|undefined} */
  list(loader, name) {
    const list = this.lists[name] ?? null;
    return list?.paged ? this.rarer?.wholeList(loader, this, name) : list;
  }

  /**
   * @param {Loader} loader
   * @param {{high: number, low: number}} key the upper 32 and next 16 bits of a visitor key
   * @returns {import("../extras/visitors.js").VisitorRow|null|undefined} undefined until it is read
   */
  visitor(loader, key) {
    const { visitors, open } = this;
    if (!open.visitors || !visitors.keys.length || key.high < visitors.firsts[0]) return null;
    const list = visitors.paged ? this.rarer?.pageOf(loader, visitors, key.high) : visitors;
    if (!list) return list;
    const table = loader.table(keyOf(list, key.high), open.visitors);
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
export function listOf(prefix, { firsts, cuts, digests, paged = false }) {
  const keys = [];
  for (let i = 0; i < digests.length; i += 16) {
    keys.push(`${paged ? "x" : prefix}-${hex(digests.subarray(i, i + 16))}`);
  }
  return { firsts: new Uint32Array((firsts ?? cuts).slice().buffer), keys, paged, prefix };
}

/** @param {List} list @param {number} number */
export function keyOf(list, number) {
  return list.keys[lowerBound(list.firsts, number + 1) - 1];
}
