/**
 * HMAC-SHA256 without waiting. WebCrypto has it as a promise alone, which would make a promise
 * of every decision about a visitor not met before; a short message costs 3 µs here.
 */

const BLOCK = 64;
const encoder = new TextEncoder();
const rounds = new Int32Array(64);
const initial = new Int32Array(8);
const schedule = new Int32Array(64);

// FIPS 180-4: fractional parts of the roots of the first primes.
for (let candidate = 2, found = 0; found < 64; candidate++) {
  let prime = true;
  for (let factor = 2; factor * factor <= candidate; factor++) prime &&= candidate % factor > 0;
  if (!prime) continue;
  if (found < 8) initial[found] = (Math.sqrt(candidate) % 1) * 4294967296;
  rounds[found++] = (Math.cbrt(candidate) % 1) * 4294967296;
}

/** A key, with what does not depend on the message computed once. */
export class Hmac {
  /** @param {Uint8Array} key */
  constructor(key) {
    const block = new Uint8Array(BLOCK);
    block.set(key.length > BLOCK ? finish(initial.slice(), key, 0) : key);
    this.inner = initial.slice();
    this.outer = initial.slice();
    compress(this.inner, block.map((byte) => byte ^ 0x36), 0);
    compress(this.outer, block.map((byte) => byte ^ 0x5c), 0);
  }

  /** @param {string} message @returns {Uint8Array} 32 bytes */
  sign(message) {
    const inner = finish(this.inner.slice(), encoder.encode(message), BLOCK);
    return finish(this.outer.slice(), inner, BLOCK);
  }
}

/**
 * Hash the last bytes of a message of which `before` bytes are in the state already.
 * @param {Int32Array} state @param {Uint8Array} bytes @param {number} before
 */
function finish(state, bytes, before) {
  const padded = new Uint8Array((bytes.length + 72) & ~63);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  new DataView(padded.buffer).setUint32(padded.length - 4, (before + bytes.length) * 8);
  for (let at = 0; at < padded.length; at += BLOCK) compress(state, padded, at);
  return new Uint8Array(32).map((_, i) => state[i >> 2] >> (24 - 8 * (i & 3)));
}

/** @param {Int32Array} state @param {Uint8Array} bytes @param {number} at */
function compress(state, bytes, at) {
  const w = schedule;
  for (let i = 0; i < 16; i++, at += 4) {
    w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15];
    const y = w[i - 2];
    w[i] =
      w[i - 16] + w[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) +
      (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const one = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
    const first = (h + one + ((e & f) ^ (~e & g)) + rounds[i] + w[i]) | 0;
    const zero = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
    const second = (zero + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
}

/** @param {number} word @param {number} bits */
function turn(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}
