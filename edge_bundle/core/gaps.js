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

/** @param {Uint8Array} bytes @param {number} bit @param {number} bits at most 31 */
export function longBits(bytes, bit, bits) {
  if (bits < 26) return bitsAt(bytes, bit, bits);
  return bitsAt(bytes, bit, 16) + bitsAt(bytes, bit + 16, bits - 16) * 65536;
}
