/**
 * Ed25519 verification (RFC 8032, 5.1.7): the platform's crypto knows no such signature. Points
 * are [X, Y, Z, T] with x = X/Z, y = Y/Z, T = XY/Z (Hisil et al. 2008). Nothing here is secret,
 * so nothing runs in constant time.
 */

import { crypto } from "crypto";

/** @typedef {[bigint, bigint, bigint, bigint]} Point */

const P = 2n ** 255n - 19n;
/** The order of the base point. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const D2 = (2n * D) % P;
const ROOT_OF_MINUS_ONE =
  19681161376707505956807079304988542015446066515923890162744021073123829784752n;
const ZERO = /** @type {Point} */ ([0n, 1n, 1n, 0n]);
const BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960n;
const BASE = /** @type {Point} */ ([BASE_X, BASE_Y, 1n, mod(BASE_X * BASE_Y)]);

/**
 * Say whether the owner of a public key signed a message.
 * @param {Uint8Array} key 32 bytes
 * @param {Uint8Array} signature 64 bytes
 * @param {Uint8Array} message
 * @returns {Promise<boolean>}
 */
export async function verify(key, signature, message) {
  if (key.length !== 32 || signature.length !== 64) return false;
  const s = number(signature.subarray(32));
  const owner = point(key);
  if (!owner || s >= L) return false;
  const hashed = new Uint8Array(64 + message.length);
  hashed.set(signature.subarray(0, 32));
  hashed.set(key, 32);
  hashed.set(message, 64);
  const h = number(new Uint8Array(await crypto.subtle.digest("SHA-512", hashed))) % L;
  // R = sB - hA, compared as it is encoded.
  return encodes(sumOfProducts(s, BASE, h, negated(owner)), signature.subarray(0, 32));
}

/** @param {bigint} value */
function mod(value) {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

/** @param {bigint} base @param {bigint} exponent */
function power(base, exponent) {
  let result = 1n;
  for (let rest = exponent, square = base; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

/** @param {Uint8Array} bytes little-endian */
function number(bytes) {
  let text = "0x";
  for (let i = bytes.length - 1; i >= 0; i--) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  return BigInt(text);
}

/** @param {Uint8Array} bytes @returns {Point|null} null for what is on no curve */
function point(bytes) {
  const encoded = number(bytes);
  const odd = encoded >> 255n;
  const y = encoded & (2n ** 255n - 1n);
  if (y >= P) return null;
  const u = mod(y * y - 1n);
  const v = mod(D * y * y + 1n);
  const v3 = mod(v * v * v);
  let x = mod(u * v3 * power(mod(u * v3 * v3 * v), (P - 5n) / 8n));
  const square = mod(v * x * x);
  if (square === mod(-u)) x = mod(x * ROOT_OF_MINUS_ONE);
  else if (square !== u) return null;
  if (x === 0n && odd) return null;
  if ((x & 1n) !== odd) x = mod(-x);
  return [x, y, 1n, mod(x * y)];
}

/** @param {Point} point @returns {Point} */
function negated([x, y, z, t]) {
  return [mod(-x), y, z, mod(-t)];
}

/** @param {Point} a @param {Point} b @returns {Point} */
function sum([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = ((y1 - x1) * (y2 - x2)) % P;
  const b = ((y1 + x1) * (y2 + x2)) % P;
  const c = (((t1 * D2) % P) * t2) % P;
  const d = (2n * z1 * z2) % P;
  return product(b - a, d - c, d + c, b + a);
}

/** @param {Point} point @returns {Point} */
function doubled([x, y, z]) {
  const a = (x * x) % P;
  const b = (y * y) % P;
  const e = ((x + y) * (x + y) - a - b) % P;
  const g = b - a;
  return product(e, g - ((2n * z * z) % P), g, -a - b);
}

/** @param {bigint} e @param {bigint} f @param {bigint} g @param {bigint} h @returns {Point} */
function product(e, f, g, h) {
  return [(e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P];
}

/**
 * Return m·a + n·b, bit by bit for both at once.
 * @param {bigint} m @param {Point} a @param {bigint} n @param {Point} b
 */
function sumOfProducts(m, a, n, b) {
  const both = sum(a, b);
  let result = ZERO;
  for (let bit = 252n; bit >= 0n; bit--) {
    result = doubled(result);
    const first = (m >> bit) & 1n;
    const second = (n >> bit) & 1n;
    if (first || second) result = sum(result, first ? (second ? both : a) : b);
  }
  return result;
}

/** @param {Point} point @param {Uint8Array} bytes */
function encodes([x, y, z], bytes) {
  const inverse = power(mod(z), P - 2n);
  return mod(y * inverse) + ((mod(x * inverse) & 1n) << 255n) === number(bytes);
}
