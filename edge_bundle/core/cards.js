/** What a shelf shows of an item, decoded once per item and kept with its table. */

import { text, u16, u32 } from "./columns.js";

const NO_PRICE = 0xffffffff;

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
 * @property {Map<string, string>} html the card's markup by template, made on first use
 */

export class CardColumns {
  /** @param {Record<string, any>} table an opened table with card columns */
  constructor(table) {
    this.table = table;
    this.price = u32(table.price);
    this.group = u32(table.group);
    this.category = u16(table.category);
    this.skuAt = u16(table.sku_at);
    /** @type {(Card|undefined)[]} */
    this.cards = new Array(table.flags.length);
  }

  /** @param {number} place @returns {Card} */
  card(place) {
    return (this.cards[place] ??= this.#read(place));
  }

  /** @param {number} place */
  sku(place) {
    return text(this.table.sku, this.skuAt[place], this.skuAt[place + 1]);
  }

  /** @param {number} place @returns {Card} */
  #read(place) {
    const { table } = this;
    const sku = this.sku(place);
    return {
      sku,
      title: this.#text("title", place, sku),
      url: this.#text("url", place, sku),
      image: this.#text("image", place, sku),
      category: table.categories[this.category[place]],
      currency: table.currencies[table.currency[place]],
      price: this.price[place] === NO_PRICE ? -1 : this.price[place],
      group: this.group[place],
      available: (table.flags[place] & 1) === 1,
      html: new Map(),
    };
  }

  /** @param {string} name @param {number} place @param {string} sku */
  #text(name, place, sku) {
    const pattern = this.table.patterns[name];
    if (pattern !== undefined) return pattern.replaceAll("{sku}", sku);
    const at = u16(this.table[`${name}_at`]);
    return text(this.table[name], at[place], at[place + 1]);
  }
}
