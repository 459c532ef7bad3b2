/** What a shelf shows of an item, decoded once per item and kept with its table for a while. */

import { Numbers, offsets, text } from "./columns.js";

/**
 * @typedef {object} Card
 * @property {string} sku
 * @property {string} title
 * @property {string} url
 * @property {string} image
 * @property {string} category
 * @property {string} currency
 * @property {number} price minor units, -1 when there is none
 * @property {number} group hash of the variant group, 0 when there is none
 * @property {boolean} available
 * @property {boolean} [elsewhere] whether it is a market's own
 * @property {Map<object, any>} html the card's markup by template and form, made on first use
 */

/** Decoded cards kept, each with its markup about a kilobyte; the oldest makes room for a new one. */
const MAX_DECODED = 8192;
/** @type {{cards: (Card|undefined)[], place: number}[]} */
const decoded = [];
let oldest = 0;

export class CardColumns {
  /** @param {Record<string, any>} table an opened table with card columns */
  constructor(table) {
    const { count } = table;
    this.table = table;
    this.price = new Numbers(table, "price", count);
    this.group = new Numbers(table, "group", count);
    this.category = new Numbers(table, "category", count);
    this.currency = new Numbers(table, "currency", count);
    this.available = new Numbers(table, "available", count);
    this.number = table.numbered ? new Numbers(table, "sku", count) : null;
    /** Where each text starts, by name. @type {Record<string, Uint32Array>} */
    this.at = {};
    for (const name of ["sku", "title", "url", "image"]) {
      const bytes = table[name];
      if (bytes) this.at[name] = offsets(table, `${name}_size`, count, bytes.length);
    }
    /** What codes stand for; without it, texts are UTF-8. @type {string[]|undefined} */
    this.phrases = table.phrases;
    /** @type {(Card|undefined)[]} */
    this.cards = new Array(count);
    /** What it takes in memory beside the table's bytes. */
    this.bytes = count * (8 + 4 * Object.keys(this.at).length) + 32 * (this.phrases?.length ?? 0);
  }

  /** @param {number} place @returns {Card} */
  card(place) {
    return this.cards[place] ?? this.#keep(place);
  }

  /** @param {number} place */
  #keep(place) {
    const card = this.#read(place);
    if (decoded[oldest]) decoded[oldest].cards[decoded[oldest].place] = undefined;
    decoded[oldest] = { cards: this.cards, place };
    oldest = (oldest + 1) % MAX_DECODED;
    return (this.cards[place] = card);
  }

  /** @param {number} place */
  sku(place) {
    if (!this.number) return this.#spelled("sku", place, "", "");
    const [prefix, digits] = this.table.numbered;
    return prefix + String(this.number.at(place)).padStart(digits, "0");
  }

  /** @param {number} place @returns {Card} */
  #read(place) {
    const { table } = this;
    const sku = this.sku(place);
    const title = this.#text("title", place, sku, "");
    return {
      sku,
      title,
      url: this.#text("url", place, sku, title),
      image: this.#text("image", place, sku, title),
      category: table.categories[this.category.at(place)],
      currency: table.currencies[this.currency.at(place)],
      price: this.price.at(place) - 1,
      group: this.group.at(place),
      available: this.available.at(place) === 1,
      elsewhere: table.elsewhere,
      html: new Map(),
    };
  }

  /** @param {string} name @param {number} place @param {string} sku @param {string} title */
  #text(name, place, sku, title) {
    const pattern = this.table.patterns[name];
    if (pattern !== undefined) return pattern.replaceAll("{sku}", () => sku);
    return this.#spelled(name, place, sku, title);
  }

  /** @param {string} name @param {number} place @param {string} sku @param {string} title */
  #spelled(name, place, sku, title) {
    const { phrases } = this;
    const bytes = this.table[name];
    const at = this.at[name];
    if (!phrases) return text(bytes, at[place], at[place + 1]);
    let out = "";
    for (let i = at[place]; i < at[place + 1]; i++) {
      const code = bytes[i];
      out += code > 1 ? phrases[code - 2] : code ? slug(title) : sku;
    }
    return out;
  }
}

/** A title as addresses spell it. @param {string} title */
function slug(title) {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

/** Stands in for the cards of a table whose cards stand apart: these say nothing to a rule. */
export const PLAIN_CARDS = {
  bytes: 0,
  /** @param {number} _place @returns {Card} */
  card: (_place) => /** @type {Card} */ (PLAIN),
};
const PLAIN = { category: "", group: 0 };
