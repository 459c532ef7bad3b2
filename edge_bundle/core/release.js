/** An opened manifest: which values a release is made of, and its rules. */

import { hashText } from "./hash.js";
import { lowerBound, openTable } from "./columns.js";
import { partOf, valueNumber } from "./locate.js";
import { hex } from "./platform.js";
import { ItemTable, PopularTable, VisitorTable } from "./tables.js";

/** @typedef {import("./loader.js").Loader} Loader */

const openItems = (/** @type {ArrayBuffer} */ buffer) => new ItemTable(buffer);
const openVisitors = (/** @type {ArrayBuffer} */ buffer) => new VisitorTable(buffer);
const openPopular = (/** @type {ArrayBuffer} */ buffer) => new PopularTable(buffer);

/** Stages that read what a visitor did before; without consent they are left out. */
export const PERSONAL_STAGES = new Set(["session", "visitor", "recently_viewed", "repurchase"]);

export class Release {
  /** @param {any} body a genuine manifest @param {string} key its key in the store */
  constructor(body, key) {
    this.id = key.slice(2, 14);
    this.manifest = key;
    this.rules = body.rules;
    this.templates = body.templates;
    this.serving = body.serving;
    /** @type {[string, string][]} */
    this.segments = body.segments;
    this.locator = body.items.locator;
    this.cuts = numbers(body.items.cuts);
    this.itemKeys = keys("i", body.items.digests);
    this.visitorFirsts = numbers(body.visitors.firsts);
    this.visitorKeys = keys("u", body.visitors.digests);
    /** @type {string} */
    this.keyId = body.visitors.key_id;
    this.popularKey = `p-${hex(body.popular)}`;
    /** What each slot can ask for, filled as slots are asked for. */
    /** @type {Map<string, import("./needs.js").Needs>} */
    this.needs = new Map();
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
    const key = this.itemKeys[valueNumber(part, cells, hash)];
    const table = key ? loader.table(key, openItems) : null;
    if (!table) return table;
    const number = table.find(sku, hash.low);
    return number < 0 ? null : { table, number };
  }

  /** @param {Loader} loader @param {number} number @returns {ItemTable|null|undefined} */
  itemTable(loader, number) {
    return loader.table(this.itemKeys[lowerBound(this.cuts, number + 1) - 1], openItems);
  }

  /** @param {Loader} loader @returns {PopularTable|null|undefined} */
  popular(loader) {
    return loader.table(this.popularKey, openPopular);
  }

  /**
   * @param {Loader} loader
   * @param {{high: number, low: number}} key the upper 32 and next 16 bits of a visitor key
   * @returns {import("./tables.js").VisitorRow|null|undefined} undefined until it is read
   */
  visitor(loader, key) {
    const place = lowerBound(this.visitorFirsts, key.high + 1) - 1;
    // Equal upper halves may straddle a cut, so the value before may hold the row too.
    for (let i = place; i >= 0; i--) {
      const table = loader.table(this.visitorKeys[i], openVisitors);
      if (table === undefined) return undefined;
      const row = table?.find(key.high, key.low);
      if (row || this.visitorFirsts[i] < key.high) return row ?? null;
    }
    return null;
  }

  /** @param {Loader} loader @param {import("./locate.js").LocatorPart} part */
  #cells(loader, part) {
    const digest = /** @type {Uint8Array} */ (part.digest);
    const table = loader.table(`l-${hex(digest)}`, openLocator);
    return table ? table.cells : table;
  }
}

/** @param {ArrayBuffer} buffer */
function openLocator(buffer) {
  return { bytes: buffer.byteLength, cells: openTable(buffer, "locator").cells };
}

/** @param {Uint8Array} bytes */
function numbers(bytes) {
  return new Uint32Array(bytes.slice().buffer);
}

/** @param {string} prefix @param {Uint8Array} digests 16 bytes each */
function keys(prefix, digests) {
  const out = [];
  for (let i = 0; i < digests.length; i += 16) {
    out.push(`${prefix}-${hex(digests.subarray(i, i + 16))}`);
  }
  return out;
}
