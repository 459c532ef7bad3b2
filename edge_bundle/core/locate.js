/** The static function from a SKU to the value it stands in; built by compiler/locator.py. */

import { bitsAt } from "./columns.js";
import { fmix32 } from "./hash.js";

/**
 * @typedef {{seed: number, third: number, bits: number, cells?: Uint8Array, digest?: Uint8Array,
 *   key?: string}} LocatorPart
 */

/** @param {LocatorPart[]} parts @param {{high: number, low: number}} hash @returns {LocatorPart} */
export function partOf(parts, hash) {
  return parts[Math.floor((hash.high * parts.length) / 4294967296)];
}

/**
 * Say which item value a SKU would stand in; any number at all for an unknown SKU.
 * @param {LocatorPart} part
 * @param {Uint8Array} cells
 * @param {{high: number, low: number}} hash
 * @returns {number}
 */
export function valueNumber(part, cells, hash) {
  const { third, bits } = part;
  const salt = Math.imul(part.seed, 0x9e3779b9);
  return (
    bitsAt(cells, slot(hash.high ^ salt, third) * bits, bits) ^
    bitsAt(cells, (slot(hash.low ^ salt, third) + third) * bits, bits) ^
    bitsAt(cells, (slot((hash.high + hash.low + salt) | 0, third) + 2 * third) * bits, bits)
  );
}

/** @param {number} word @param {number} third */
function slot(word, third) {
  return Math.floor((fmix32(word) * third) / 4294967296);
}
