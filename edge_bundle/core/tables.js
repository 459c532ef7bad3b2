/** Item and popular tables: looked up in place, never decoded row by row; visitors' are in extras/visitors.js. */

import { CardColumns, PLAIN_CARDS } from "./cards.js";
import { bitsAt, lowerBound, Numbers, offsets, u32 } from "./columns.js";
import { AFTER, gapDecoder, longBits, RIGHT, START } from "./gaps.js";
import { fmix32 } from "./hash.js";

/** @typedef {import("./scores.js").Scores} Scores */

/** Objects and views of an open table take about as much beside its columns. */
export const OPEN_BYTES = 2048;

/** Rows of scored items, by the number of the item they belong to. */
export class RowTable {
  /** @param {Record<string, any>} table @param {number} size bytes of its value */
  constructor(table, size) {
    const { count } = table;
    /** @type {number} */
    this.first = table.first;
    /** @type {number} */
    this.count = count;
    /** @type {Uint8Array} */
    this.rows = table.rows;
    this.rowAt = offsets(table, "row_size", count, table.rows.length - 4);
    this.rowCount = new Numbers(table, "row_count", count);
    this.rowScale = new Numbers(table, "row_scale", count);
    /** Rows' scales are logarithmic, in so many steps an octave from the lowest. @type {number} */
    this.steps = table.steps;
    /** @type {number} */
    this.scale = table.scale;
    this.decoder = gapDecoder(table.code, table.sizes);
    this.bytes = size + OPEN_BYTES + 4 * count;
  }

  /** The place of an item's row, -1 for none. @param {number} number */
  place(number) {
    return number - this.first;
  }

  /**
   * Add an item's row, each with weight times its score: those to the left of the item's
   * own number first, the nearest first, then those to the right.
   * @param {number} number
   * @param {number} weight
   * @param {Scores} scores
   */
  addRow(number, weight, scores) {
    const place = this.place(number);
    if (place < 0) return;
    const count = this.rowCount.at(place);
    const { rows, decoder } = this;
    const start = this.rowAt[place];
    const unit = (weight * 2 ** (this.scale + this.rowScale.at(place) / this.steps)) / 65025;
    let bit = (start + count) << 3;
    const width = 32 - Math.clz32(count);
    const left = bitsAt(rows, bit, width);
    bit += width;
    let id = number;
    let context = START;
    for (let i = 0; i < count; i++) {
      if (i === left) {
        id = number - 1;
        context = RIGHT;
      }
      const at = bit >>> 3;
      const word = rows[at] | (rows[at + 1] << 8) | (rows[at + 2] << 16) | (rows[at + 3] << 24);
      const bits = word >>> (bit & 7);
      const entry = decoder[(context << 8) | (bits & 255)];
      const size = entry >>> 4;
      const length = entry & 15;
      // 25 bits at least are at hand: a prefix of 8 and 17 more.
      const rest = size < 18 ? (bits >>> length) & ((1 << size) - 1) : longBits(rows, bit + length, size);
      const gap = (1 << size) + rest;
      bit += length + size;
      context = size + AFTER;
      id += i < left ? -gap : gap;
      const score = rows[start + i];
      scores.add(id, unit * score * score);
    }
  }
}

/** Neighbour rows of a run of item numbers, and cards where they do not stand apart. */
export class ItemTable extends RowTable {
  /** @param {Record<string, any>} table @param {number} size bytes of its value */
  constructor(table, size) {
    super(table, size);
    const { count } = table;
    /** @type {number} */
    this.salt = table.salt;
    this.keyShift = 32 - table.key_bits;
    this.key = new Numbers(table, "key", count);
    this.slots = slotsOf(this.key, count);
    this.cards = table.numbers.price ? new CardColumns(table) : PLAIN_CARDS;
    this.bytes += this.slots.byteLength + this.cards.bytes;
  }

  /**
   * Find an item by its SKU's hash.
   * @param {{high: number, low: number}} hash
   * @returns {number} its number, or -1
   */
  find(hash) {
    const key = fmix32(hash.low + Math.imul(hash.high, this.salt)) >>> this.keyShift;
    const mask = this.slots.length - 1;
    for (let slot = key & mask; this.slots[slot]; slot = (slot + 1) & mask) {
      if (this.key.at(this.slots[slot] - 1) === key) return this.first + this.slots[slot] - 1;
    }
    return -1;
  }
}

/**
 * Return an open-addressed index of keys: places + 1, 0 for none.
 * @param {Numbers} key
 * @param {number} count
 */
function slotsOf(key, count) {
  const slots = new Uint16Array(2 << (31 - Math.clz32(count + (count >> 1) + 1)));
  const mask = slots.length - 1;
  for (let place = 0; place < count; place++) {
    let slot = key.at(place) & mask;
    while (slots[slot]) slot = (slot + 1) & mask;
    slots[slot] = place + 1;
  }
  return slots;
}

/** Cards of a run of item numbers, where they stand apart from the rows. */
export class CardTable {
  /** @param {Record<string, any>} table @param {number} size */
  constructor(table, size) {
    /** @type {number} */
    this.first = table.first;
    this.cards = new CardColumns(table);
    this.bytes = size + OPEN_BYTES + this.cards.bytes;
  }
}

/** Ranked items overall, by segment and by country, and the first ones' cards. */
export class PopularTable {
  /** @param {Record<string, any>} table @param {number} size */
  constructor(table, size) {
    this.number = u32(table.number);
    this.cards = new CardColumns(table);
    this.bytes = size + OPEN_BYTES + this.cards.bytes;
    const items = u32(table.items);
    /** @type {Map<string, Uint32Array>} */
    this.lists = new Map();
    let start = 0;
    for (const [key, length] of Object.entries(table.lists)) {
      this.lists.set(key, items.subarray(start, start + length));
      start += length;
    }
  }

  /** @param {string} key "all", "segment:KEY" or "country:XX" */
  list(key) {
    return this.lists.get(key);
  }

  /** @param {number} number @returns {import("./cards.js").Card|null} */
  card(number) {
    const place = lowerBound(this.number, number);
    return this.number[place] === number ? this.cards.card(place) : null;
  }
}
