/** Item, visitor and popular tables: looked up in place, never decoded row by row. */

import { CardColumns } from "./cards.js";
import { lowerBound, openTable, u16, u32 } from "./columns.js";

/** @typedef {import("./scores.js").Scores} Scores */

/** A row's 8-bit scale is logarithmic: 1,024 steps an octave from 2^-32. */
const SCALE_STEPS = 1024;
const SCALE_OFFSET = 32;

/** Position in the bytes being read; a module variable spares an allocation per number. */
let at = 0;

/** @param {Uint8Array} bytes @returns {number} the varint at `at`, which moves past it */
function varint(bytes) {
  let value = 0;
  let shift = 0;
  for (;;) {
    const byte = bytes[at++];
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80 || byte === undefined) return value;
    shift += 7;
  }
}

/** Neighbour rows and cards of a run of item numbers. */
export class ItemTable {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    const table = openTable(buffer, "items");
    this.bytes = buffer.byteLength;
    /** @type {number} */
    this.first = table.first;
    /** @type {number} */
    this.count = table.count;
    this.key = u32(table.key);
    this.place = u16(table.place);
    this.rowAt = u16(table.row_at);
    this.rowCount = table.row_count;
    this.rowScale = u16(table.row_scale);
    this.rows = table.rows;
    this.cards = new CardColumns(table);
  }

  /**
   * Find an item by SKU.
   * @param {string} sku
   * @param {number} low the lower half of its hash
   * @returns {number} its number, or -1
   */
  find(sku, low) {
    for (let i = lowerBound(this.key, low); i < this.count && this.key[i] === low; i++) {
      if (this.cards.sku(this.place[i]) === sku) return this.first + this.place[i];
    }
    return -1;
  }

  /**
   * Add an item's neighbours, each with weight times its score.
   * @param {number} number
   * @param {number} weight
   * @param {Scores} scores
   */
  addRow(number, weight, scores) {
    const place = number - this.first;
    const count = this.rowCount[place];
    if (!count) return;
    const { rows } = this;
    const start = this.rowAt[place];
    const scale = weight * 2 ** (this.rowScale[place] / SCALE_STEPS - SCALE_OFFSET);
    const unit = scale / 65025;
    at = start + count;
    const first = varint(rows);
    let id = number + (first & 1 ? -((first + 1) >>> 1) : first >>> 1);
    scores.add(id, unit * rows[start] * rows[start]);
    for (let i = 1; i < count; i++) {
      id += varint(rows) + 1;
      scores.add(id, unit * rows[start + i] * rows[start + i]);
    }
  }
}

/**
 * @typedef {object} VisitorRow
 * @property {number} segment number of the visitor's segment, -1 for none
 * @property {number[]} items recommended item numbers
 * @property {number[]} scores their scores, at most 1
 * @property {number[]} bought item numbers
 * @property {number[]} seen item numbers, without those bought
 */

/** Rows of a run of visitors, by 48 bits of their key. */
export class VisitorTable {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    const table = openTable(buffer, "visitors");
    this.bytes = buffer.byteLength;
    this.table = table;
    this.high = u32(table.high);
    this.low = u16(table.low);
    this.rowAt = u16(table.row_at);
  }

  /**
   * Read a visitor's row.
   * @param {number} high the key's upper 32 bits
   * @param {number} low its next 16 bits
   * @returns {VisitorRow|null}
   */
  find(high, low) {
    for (let i = lowerBound(this.high, high); i < this.high.length; i++) {
      if (this.high[i] !== high) return null;
      if (this.low[i] === low) return this.#row(i);
    }
    return null;
  }

  /** @param {number} place @returns {VisitorRow} */
  #row(place) {
    const { table } = this;
    const count = table.item_count[place];
    const start = this.rowAt[place];
    const scores = new Array(count);
    for (let i = 0; i < count; i++) {
      const score = (table.rows[start + (i >> 1)] >> ((i & 1) * 4)) & 15;
      scores[i] = (score * score) / 225;
    }
    at = start + ((count + 1) >> 1);
    return {
      segment: table.segment[place] - 1,
      items: ids(table.rows, count),
      scores,
      bought: ids(table.rows, table.bought_count[place]),
      seen: ids(table.rows, table.seen_count[place]),
    };
  }
}

/** @param {Uint8Array} rows @param {number} count @returns {number[]} */
function ids(rows, count) {
  const out = new Array(count);
  let id = -1;
  for (let i = 0; i < count; i++) {
    id += varint(rows) + 1;
    out[i] = id;
  }
  return out;
}

/** Ranked items overall, by segment and by country, and the first ones' cards. */
export class PopularTable {
  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    const table = openTable(buffer, "popular");
    this.bytes = buffer.byteLength;
    this.number = u32(table.number);
    this.cards = new CardColumns(table);
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
