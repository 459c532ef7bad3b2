/** Reads tables of format 1, whose columns are whole bytes and whose ids are varints. */

import { core } from "./core.js";
import { VisitorTable } from "./visitors.js";

const { ItemTable, PopularTable, fmix32, openTable, u16, u32 } = core;

/** @typedef {import("../core/scores.js").Scores} Scores */

/** Position in the bytes being read. */
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

class OldItemTable extends ItemTable {
  /** @override @type {import("../core/tables.js").ItemTable["addRow"]} */
  addRow(number, weight, scores) {
    const place = number - this.first;
    const count = this.rowCount.at(place);
    if (!count) return;
    const { rows } = this;
    const start = this.rowAt[place];
    const unit = (weight * 2 ** (this.scale + this.rowScale.at(place) / this.steps)) / 65025;
    at = start + count;
    const first = varint(rows);
    let id = number + (first & 1 ? -((first + 1) >>> 1) : first >>> 1);
    for (let i = 0; i < count; i++) {
      if (i) id += varint(rows) + 1;
      scores.add(id, unit * rows[start + i] * rows[start + i]);
    }
  }
}

class OldVisitorTable extends VisitorTable {
  /** @override @type {import("./visitors.js").VisitorTable["listsAt"]} */
  listsAt(place) {
    const { rows } = this;
    const [count, bought, seen] = this.counts.map((column) => column?.at(place) ?? 0);
    const start = this.rowAt[place];
    const scores = this.scores(start, count);
    at = start + ((count + 1) >> 1);
    return {
      items: ids(rows, count),
      scores,
      bought: ids(rows, bought),
      seen: ids(rows, seen),
      rebuy: [],
      rebuyScores: [],
      hidden: [],
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

/** @param {ArrayBuffer} buffer */
function openItems(buffer) {
  const table = openTable(buffer, "items");
  const lows = u32(table.key);
  const key = new Uint32Array(table.count);
  u16(table.place).forEach((place, i) => (key[place] = fmix32(lows[i])));
  return new OldItemTable(
    withCards({
      ...withRows(table, { key, row_count: table.row_count, row_scale: u16(table.row_scale) }),
      salt: 0,
      key_bits: 32,
      scale: -32,
      steps: 1024,
    }),
    buffer.byteLength,
  );
}

/** @param {ArrayBuffer} buffer */
function openVisitors(buffer) {
  const table = openTable(buffer, "visitors");
  const { segment, item_count, bought_count, seen_count } = table;
  const numbers = { key_tail: u16(table.low), segment, item_count, bought_count, seen_count };
  const old = { ...withRows(table, numbers), first: [0, 0], tail: 16, key: table.high };
  return new OldVisitorTable(old, buffer.byteLength);
}

/** @param {ArrayBuffer} buffer */
function openPopular(buffer) {
  return new PopularTable(withCards(openTable(buffer, "popular")), buffer.byteLength);
}

/** How the values of a release are opened, as core/release.js has it. */
export const OPENERS = { items: openItems, visitors: openVisitors, popular: openPopular };

/** @param {any} table @param {Record<string, ArrayLike<number>>} numbers @returns {Record<string, any>} */
function withRows(table, numbers) {
  const spared = new Uint8Array(table.rows.length + 4);
  spared.set(table.rows);
  const same = { ...table, code: new Uint8Array(2), sizes: 1, rows: spared };
  return withNumbers(same, { ...numbers, row_size: sizes(table.row_at) });
}

/** @param {any} table */
function withCards(table) {
  /** @type {Record<string, ArrayLike<number>>} */
  const numbers = {
    // One more, so that "no price" comes round to 0.
    price: u32(table.price).map((price) => price + 1),
    group: u32(table.group),
    category: u16(table.category),
    currency: table.currency,
    available: table.flags.map((/** @type {number} */ flags) => flags & 1),
  };
  for (const name of ["sku", "title", "url", "image"]) {
    if (table[name]) numbers[`${name}_size`] = sizes(table[`${name}_at`]);
  }
  return withNumbers(table, numbers);
}

/** @param {any} table @param {Record<string, ArrayLike<number>>} numbers */
function withNumbers(table, numbers) {
  const out = { ...table, numbers: { ...table.numbers } };
  for (const [name, values] of Object.entries(numbers)) {
    // Numbers of 32 bits, and a spare one that readers may load.
    out[`n_${name}`] = new Uint8Array(Uint32Array.from([...Array.from(values), 0]).buffer);
    out.numbers[name] = [0, 32];
  }
  return out;
}

/** @param {Uint8Array} column offsets of 16 bits */
function sizes(column) {
  const offsets = u16(column);
  return offsets.subarray(1).map((end, i) => end - offsets[i]);
}
