/** Reads ascending ids stored as gaps (control_plane/compiler/gaps.py says how). */

import { bitsAt } from "./columns.js";
import { memo } from "./memo.js";

/** What comes before a run's first gap: a run that starts on its own, or goes on to the right. */
export const START = 0;
export const RIGHT = 1;
/** The context after a gap is its size and this. */
export const AFTER = 2;

/**
 * Decoders by code, since the values of a release share one; few releases are read at a time.
 * @type {(key: string, make: () => Uint16Array) => Uint16Array}
 */
const decoders = memo(8);

/**
 * Return what each context and next 8 bits stand for: (size of the gap) * 16 + length of the code.
 * @param {Uint8Array} code lengths by context and size, two to a byte
 * @param {number} sizes
 * @returns {Uint16Array}
 */
export function gapDecoder(code, sizes) {
  if (sizes > 32) throw new Error("gap sizes");
  return decoders(`${sizes}:${code.join()}`, () => build(code, sizes));
}

/** @param {Uint8Array} code @param {number} sizes */
function build(code, sizes) {
  const contexts = sizes + AFTER;
  const decoder = new Uint16Array(contexts << 8);
  for (let context = 0; context < contexts; context++) {
    let prefix = 0;
    for (let length = 1; length <= 8; length++, prefix <<= 1) {
      for (let size = 0; size < sizes; size++) {
        const i = context * sizes + size;
        if (((code[i >> 1] >> ((i & 1) * 4)) & 15) !== length) continue;
        const first = reversed(prefix++, length);
        for (let bits = first; bits < 256; bits += 1 << length) {
          decoder[(context << 8) | bits] = (size << 4) | length;
        }
      }
    }
  }
  return decoder;
}

/** @param {number} prefix @param {number} length */
function reversed(prefix, length) {
  let out = 0;
  for (let i = 0; i < length; i++) out |= ((prefix >> i) & 1) << (length - 1 - i);
  return out;
}

/** Reads runs of ids that stand one after another. */
export class Runs {
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

/** @param {Uint8Array} bytes @param {number} bit @param {number} bits at most 31 */
export function longBits(bytes, bit, bits) {
  if (bits < 26) return bitsAt(bytes, bit, bits);
  return bitsAt(bytes, bit, 16) + bitsAt(bytes, bit + 16, bits - 16) * 65536;
}
