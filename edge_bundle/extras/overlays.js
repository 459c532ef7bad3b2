/** What holds for every release: stock and prices, erased visitors, slots switched off. */

import { core } from "./core.js";

const { Loader, hashText, hex, lowerBound, openTable, u16, u32 } = core;

/** @typedef {import("../core/cards.js").Card} Card */

/** A stock overlay of few values is read with the rows, before it is known which items matter. */
const FEW = 4;
/** A location may show the head before its overlays; it must not remember for long that it did. */
const KEEP_SECONDS = 60;

const SOLD_OUT = 1;
const AVAILABLE = 2;
const PRICED = 4;

/**
 * Open a head's overlays; with a release to go on with, after their values were read, so that no
 * decision waits for these.
 * @param {import("../core/loader.js").Loader} loader @param {any[]} entries of a genuine head @param {boolean} ahead
 */
export async function openOverlays(loader, entries, ahead) {
  const overlays = new Overlays(entries);
  if (ahead) {
    const { platform, cache, health, config } = loader;
    const reading = new Loader(platform, cache, health, config);
    overlays.askAhead(reading);
    await reading.load();
  }
  return overlays;
}

export class Overlays {
  /** @param {any[]} entries of a genuine head */
  constructor(entries) {
    /** @type {Set<string>} */
    this.off = new Set();
    /** @type {Cut|null} */
    this.stock = null;
    /** @type {Map<string, Cut>} by the id of the keys' secret */
    this.erased = new Map();
    /** Cards as they hold now: a card keeps its markup, which an old price must not get into. */
    /** @type {WeakMap<Card, Card>} */
    this.cards = new WeakMap();
    /** What they hold, for health and explanations: numbers of items and visitors, names of slots. */
    this.told = { stock: 0, erased: 0, off: /** @type {string[]} */ ([]) };
    for (const entry of entries) {
      if (entry.kind === "off") this.off = new Set((this.told.off = entry.slots));
      else if (entry.kind in this.told) this.told[/** @type {"stock"|"erased"} */ (entry.kind)] += entry.count;
      if (entry.kind === "stock") this.stock = new Cut("s", entry, openStock);
      if (entry.kind === "erased") this.erased.set(entry.key_id, new Cut("e", entry, openErased));
    }
  }

  /** Ask for what any shelf is likely to need. @param {import("../core/loader.js").Loader} loader */
  askAhead(loader) {
    if (this.stock && this.stock.keys.length <= FEW) this.stock.all(loader);
  }

  /**
   * Return a card with the availability and price that hold now; null when these can't be
   * known, undefined until their value is read.
   * @param {import("../core/loader.js").Loader} loader
   * @param {Card} card
   * @returns {Card|null|undefined}
   */
  card(loader, card) {
    if (!this.stock) return card;
    const known = this.cards.get(card);
    if (known) return known;
    const hash = hashText(card.sku);
    const part = this.stock.part(loader, hash.high);
    if (part === null) loader.health.fault("overlay_stock", "an item of unknown stock left out");
    if (!part) return part;
    const now = part.card(card, hash);
    this.cards.set(card, now);
    return now;
  }

  /**
   * Say whether a visitor was erased, or can't be known not to be; undefined until that is read.
   * @param {import("../core/loader.js").Loader} loader
   * @param {string} keyId
   * @param {{high: number, low: number}} key
   * @returns {boolean|undefined}
   */
  isErased(loader, keyId, { high, low }) {
    const cut = this.erased.get(keyId);
    if (!cut) return false;
    const part = cut.part(loader, high);
    if (part === null) loader.health.fault("overlay_erased", "visitor rows left out");
    return part ? part.has(high, low) : part === null || undefined;
  }
}

/** Values of one overlay, by the least upper half of a hash that each may hold. */
class Cut {
  /** @param {string} prefix @param {any} entry @param {(buffer: ArrayBuffer) => any} open */
  constructor(prefix, { firsts, digests }, open) {
    this.firsts = new Uint32Array(firsts.slice().buffer);
    this.keys = Array.from(this.firsts, (_, i) => `${prefix}-${hex(digests.subarray(i * 16, i * 16 + 16))}`);
    this.open = open;
  }

  /** @param {import("../core/loader.js").Loader} loader @param {number} high @returns {any} */
  part(loader, high) {
    return loader.table(this.keys[lowerBound(this.firsts, high + 1) - 1], this.open, KEEP_SECONDS);
  }

  /** @param {import("../core/loader.js").Loader} loader */
  all(loader) {
    for (const key of this.keys) loader.table(key, this.open, KEEP_SECONDS);
  }
}

/** @param {ArrayBuffer} buffer */
const openStock = (buffer) => new StockTable(buffer);
/** @param {ArrayBuffer} buffer */
const openErased = (buffer) => new ErasedTable(buffer);

class StockTable {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    const table = openTable(buffer, "stock");
    this.bytes = buffer.byteLength;
    this.high = u32(table.high);
    this.low = u32(table.low);
    this.price = u32(table.price);
    this.flags = table.flags;
    this.currencies = table.currencies;
  }

  /** @param {Card} card @param {{high: number, low: number}} hash of its SKU @returns {Card} */
  card(card, { high, low }) {
    for (let i = lowerBound(this.high, high); this.high[i] === high; i++) {
      if (this.low[i] === low) return this.#changed(card, i);
    }
    return card;
  }

  /** @param {Card} card @param {number} place */
  #changed(card, place) {
    const flags = this.flags[place];
    const currency = flags >> 3;
    const changed = { ...card, html: new Map() };
    // Stock and prices are told of the shop's own market; only sold out is so everywhere.
    if (card.elsewhere) return { ...changed, available: card.available && !(flags & SOLD_OUT) };
    if (flags & (SOLD_OUT | AVAILABLE)) changed.available = (flags & AVAILABLE) > 0;
    if (flags & PRICED) changed.price = this.price[place];
    if (flags & PRICED && currency) changed.currency = this.currencies[currency - 1];
    return changed;
  }
}

class ErasedTable {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    const table = openTable(buffer, "erased");
    this.bytes = buffer.byteLength;
    this.high = u32(table.high);
    this.low = u16(table.low);
  }

  /** @param {number} high @param {number} low */
  has(high, low) {
    for (let i = lowerBound(this.high, high); this.high[i] === high; i++) {
      if (this.low[i] === low) return true;
    }
    return false;
  }
}
