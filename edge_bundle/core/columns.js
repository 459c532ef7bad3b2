/** Typed views over the columns of a table value (control_plane/tables.py writes them). */

import { decode } from "./msgpack.js";

/** Formats that this worker reads. */
export const FORMAT = 1;

const decoder = new TextDecoder();

/**
 * Open a table value: header entries, and columns as byte views into the same buffer.
 * @param {ArrayBuffer} buffer
 * @param {string} kind
 * @returns {Record<string, any>}
 */
export function openTable(buffer, kind) {
  const table = decode(new Uint8Array(buffer));
  if (table?.format !== FORMAT || table.kind !== kind) throw new Error(`not a ${kind} table`);
  return table;
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
