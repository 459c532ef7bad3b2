/** Names of items that hold outside a release; the Python side is control_plane/hashing.py. */

const encoder = new TextEncoder();

/** @param {number} value @returns {number} MurmurHash3's 32-bit finaliser, unsigned */
export function fmix32(value) {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * Hash an item's SKU to 64 bits.
 * @param {string} text
 * @param {boolean} [encoded] whether each of its letters stands for a byte of UTF-8
 * @returns {{high: number, low: number}} two unsigned 32-bit halves
 */
export function hashText(text, encoded = false) {
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    // Most SKUs are ASCII, whose UTF-8 need not be made; of others, a string of its bytes.
    if (byte > 0x7f && !encoded) return hashText(String.fromCharCode(...encoder.encode(text)), true);
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte, 0x5bd1e995);
    low ^= low >>> 15;
  }
  high = fmix32(high ^ text.length);
  return { high, low: fmix32((low + high) | 0) };
}
