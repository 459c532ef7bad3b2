/** Views over the columns of a table value (control_plane/tables.py and compiler/bits.py write them). */

import { decode } from "./msgpack.js";

/** Formats that this worker reads: what today's compiler writes, and the one before. */
export const FORMAT = 2;

/** Entries that a value can have: places are 16 bits. */
const MAX_COUNT = 0xfffe;

const decoder = new TextDecoder();

/**
 * Open a table value: header entries, and columns as byte views into the same buffer.
 * @param {ArrayBuffer} buffer
 * @param {string} kind
 * @returns {Record<string, any>}
 */
export function openTable(buffer, kind) {
  const table = decode(new Uint8Array(buffer));
  // No value holds more entries; a count that says so must not make anything that large.
  const fits = !(table?.count > MAX_COUNT);
  if (!known(table?.format) || table.kind !== kind || !fits) throw new Error(`not a ${kind} table`);
  return table;
}

/** @param {unknown} format whether this worker reads it */
export function known(format) {
  return format === FORMAT || format === FORMAT - 1;
}

/** A column of numbers of one width in bits, read in place. */
export class Numbers {
  /** @param {Record<string, any>} table @param {string} name @param {number} count */
  constructor(table, name, count) {
    const [base, bits] = table.numbers[name];
    /** @type {number} */
    this.base = base;
    /** @type {number} */
    this.bits = bits;
    this.bytes = /** @type {Uint8Array} */ (table[`n_${name}`] ?? EMPTY);
    if (bits && this.bytes.length < (count * bits) / 8 + 4) throw new Error(`short ${name}`);
  }

  /** @param {number} place */
  at(place) {
    const { bits } = this;
    if (bits < 26) return this.base + bitsAt(this.bytes, place * bits, bits);
    const low = bitsAt(this.bytes, place * bits, 16);
    return this.base + low + bitsAt(this.bytes, place * bits + 16, bits - 16) * 65536;
  }
}

const EMPTY = new Uint8Array(4);

/**
 * Read a number.
 * @param {Uint8Array} bytes
 * @param {number} bit where it starts
 * @param {number} bits at most 25
 */
export function bitsAt(bytes, bit, bits) {
  const at = bit >>> 3;
  const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  return (word >>> (bit & 7)) & ((1 << bits) - 1);
}

/**
 * Return where each of `count` entries starts, and where the last ends.
 * @param {Record<string, any>} table
 * @param {string} name the column of their sizes
 * @param {number} count
 * @param {number} room bytes there are
 */
export function offsets(table, name, count, room) {
  const sizes = new Numbers(table, name, count);
  const at = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) at[i + 1] = at[i] + sizes.at(i);
  if (at[count] > room) throw new Error(`short ${name}`);
  return at;
}

/** @param {Uint8Array} column */
export function u32(column) {
  return new Uint32Array(column.buffer, column.byteOffset + (column.length & 3), column.length >> 2);
}

/** @param {Uint8Array} column */
export function u16(column) {
  return new Uint16Array(column.buffer, column.byteOffset + (column.length & 1), column.length >> 1);
}

/** @param {Uint8Array} bytes @param {number} start @param {number} end */
export function text(bytes, start, end) {
  return decoder.decode(bytes.subarray(start, end));
}

/**
 * Find the first place of a sorted column whose value is not below `wanted`.
 * @param {Uint32Array} sorted
 * @param {number} wanted
 */
export function lowerBound(sorted, wanted) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
