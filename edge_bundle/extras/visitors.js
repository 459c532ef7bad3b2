/** Visitors' rows: loaded with the first release that has any. */

import { core } from "./core.js";

const {
  AFTER, Numbers, OPEN_BYTES, START, bitsAt, gapDecoder, longBits, lowerBound, offsets, openTable, u32,
} = core;

/**
 * @typedef {object} Lists
 * @property {number[]} items recommended item numbers
 * @property {number[]} scores their scores, at most 1
 * @property {number[]} bought item numbers
 * @property {number[]} seen item numbers, without those bought
 * @property {number[]} rebuy numbers of items bought again
 * @property {number[]} rebuyScores their scores, at most 1
 * @property {number[]} hidden numbers of items returned or hidden
 */

/** @type {number[]} */
const NO_ITEMS = [];

/** A visitor's row, read no further than asked. */
export class VisitorRow {
  /** So that the shape is known for good: see core/loader.js. */
  static kept = new this(/** @type {any} */ ({ segment: [0] }), 0, 2 ** 32 - 1, 0);

  /** @param {VisitorTable} table @param {number} place @param {number} high @param {number} low */
  constructor(table, place, high, low) {
    this.table = table;
    this.place = place;
    /** The upper 32 and next 16 bits of the visitor's key. */
    this.high = high;
    this.low = low;
    /** Number of the visitor's segment, -1 for none. */
    this.segment = table.segment.at(place) - 1;
    /** @type {Lists|null} */
    this.read = null;
  }

  get lists() {
    return (this.read ??= this.table.listsAt(this.place));
  }
}

/** Rows of a run of visitors, by 48 bits of their key. */
export class VisitorTable {
  /** @param {Record<string, any>} table @param {number} size */
  constructor(table, size) {
    const { count } = table;
    /** @type {[number, number]} */
    this.first = table.first;
    this.tails = 2 ** table.tail;
    this.key = u32(table.key);
    this.keyTail = new Numbers(table, "key_tail", count);
    this.rowAt = offsets(table, "row_size", count, table.rows.length - 4);
    this.segment = new Numbers(table, "segment", count);
    // Tables made before there was anything to rebuy have no count of it.
    this.counts = ["item_count", "bought_count", "seen_count", "rebuy_count", "hidden_count"].map(
      (name) => table.numbers[name] && new Numbers(table, name, count),
    );
    /** @type {Uint8Array} */
    this.rows = table.rows;
    this.decoder = gapDecoder(table.code, table.sizes);
    this.bytes = size + OPEN_BYTES + this.rowAt.byteLength;
  }

  /**
   * Find a visitor's row.
   * @param {number} high the key's upper 32 bits
   * @param {number} low its next 16 bits
   * @returns {VisitorRow|null}
   */
  find(high, low) {
    const fromFirst = (high - this.first[0]) * 65536 + low - this.first[1];
    if (fromFirst < 0) return null;
    const key = Math.floor(fromFirst / this.tails);
    const tail = fromFirst % this.tails;
    for (let i = lowerBound(this.key, key); this.key[i] === key; i++) {
      if (this.keyTail.at(i) === tail) return new VisitorRow(this, i, high, low);
    }
    return null;
  }

  /** @param {number} place @returns {Lists} */
  listsAt(place) {
    const [count, bought, seen, rebuy, hidden] = this.counts.map((column) => column?.at(place) ?? 0);
    const start = this.rowAt[place];
    const runs = new Runs(this.rows, start + ((count + 1) >> 1), this.decoder);
    const lists = {
      items: runs.next(count),
      scores: this.scores(start, count),
      bought: runs.next(bought),
      seen: runs.next(seen),
      rebuy: NO_ITEMS,
      rebuyScores: NO_ITEMS,
      hidden: NO_ITEMS,
    };
    if (!rebuy && !hidden) return lists;
    const again = runs.align();
    runs.bit += ((rebuy + 1) >> 1) << 3;
    const rebuyScores = this.scores(again, rebuy);
    return Object.assign(lists, { rebuy: runs.next(rebuy), rebuyScores, hidden: runs.next(hidden) });
  }

  /** @param {number} start byte @param {number} count */
  scores(start, count) {
    const scores = new Array(count);
    for (let i = 0; i < count; i++) {
      const score = (this.rows[start + (i >> 1)] >> ((i & 1) * 4)) & 15;
      scores[i] = (score * score) / 225;
    }
    return scores;
  }
}

/** Reads runs of ids that stand one after another. */
class Runs {
  /** So that the shape is known for good: see core/loader.js. */
  static kept = new this(new Uint8Array(0), 0, new Uint16Array(0));

  /** @param {Uint8Array} bytes @param {number} start byte of the first @param {Uint16Array} decoder */
  constructor(bytes, start, decoder) {
    this.bytes = bytes;
    this.bit = start << 3;
    this.decoder = decoder;
  }

  /** Go on at the next whole byte. @returns {number} it */
  align() {
    this.bit = (this.bit + 7) & -8;
    return this.bit >> 3;
  }

  /** @param {number} count @returns {number[]} */
  next(count) {
    const out = new Array(count);
    let id = -1;
    let context = START;
    for (let i = 0; i < count; i++) {
      const entry = this.decoder[(context << 8) | bitsAt(this.bytes, this.bit, 8)];
      const size = entry >> 4;
      id += (1 << size) + longBits(this.bytes, this.bit + (entry & 15), size);
      this.bit += (entry & 15) + size;
      context = size + AFTER;
      out[i] = id;
    }
    return out;
  }
}

/** @param {ArrayBuffer} buffer */
export function openVisitors(buffer) {
  return new VisitorTable(openTable(buffer, "visitors"), buffer.byteLength);
}
