/**
 * Read MessagePack: the one format of every table and manifest.
 *
 * Binary values come back as views into the input, never copies, so that typed arrays can be
 * laid over them. Nothing a hostile input says is believed: lengths are checked against the
 * bytes that are there before anything is allocated.
 */

const MAX_DEPTH = 32;
// Up to here, building a string byte by byte beats a call into TextDecoder.
const SHORT_TEXT = 32;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What is being read, and how far: a value is read at one go. */
let bytes = /** @type {Uint8Array} */ (new Uint8Array(0));
let view = new DataView(bytes.buffer);
let at = 0;

/**
 * Decode one MessagePack value that fills `input` to its last byte.
 *
 * Maps become objects without a prototype, 64-bit integers numbers while these are exact and
 * BigInts beyond. Throws an Error on truncated, trailing, unknown or too deeply nested data,
 * and on extension types.
 *
 * @param {Uint8Array | ArrayBuffer} input
 * @returns {any}
 */
export function decode(input) {
  bytes = input instanceof Uint8Array ? input : new Uint8Array(input);
  view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  at = 0;
  const value = read(0);
  if (at !== bytes.length) fail("trailing bytes");
  return value;
}

/** @param {string} what @returns {never} */
function fail(what) {
  throw new Error(`msgpack at ${at}: ${what}`);
}

/** Reserve `size` bytes and return where they start. @param {number} size */
function take(size) {
  if (size > bytes.length - at) fail("ends early");
  at += size;
  return at - size;
}

/** @param {number} depth @returns {any} */
function read(depth) {
  const byte = uint8();
  if (byte < 0x80) return byte;
  if (byte < 0x90) return map(byte & 0x0f, depth);
  if (byte < 0xa0) return array(byte & 0x0f, depth);
  if (byte < 0xc0) return text(byte & 0x1f);
  if (byte >= 0xe0) return byte - 256;
  if (byte >= 0xca && byte < 0xd4) return number(byte - 0xca);
  switch (byte) {
    case 0xc0: return null;
    case 0xc2: return false;
    case 0xc3: return true;
    case 0xc4: case 0xc5: case 0xc6: return binary(size(byte - 0xc4));
    case 0xd9: case 0xda: case 0xdb: return text(size(byte - 0xd9));
    case 0xdc: case 0xdd: return array(size(byte - 0xdb), depth);
    case 0xde: case 0xdf: return map(size(byte - 0xdd), depth);
  }
  return fail("unknown type");
}

/** How a DataView reads the numbers from 0xca on, and their bytes. @type {[string, number][]} */
const NUMBERS = [
  ["getFloat32", 4], ["getFloat64", 8],
  ["getUint8", 1], ["getUint16", 2], ["getUint32", 4], ["getBigUint64", 8],
  ["getInt8", 1], ["getInt16", 2], ["getInt32", 4], ["getBigInt64", 8],
];

/** @param {number} type its place in `NUMBERS` @returns {any} 64-bit integers as numbers while these are exact */
function number(type) {
  const [get, bytes] = NUMBERS[type];
  const value = /** @type {any} */ (view)[get](take(bytes));
  const exact = Number(value);
  return typeof value === "bigint" && Number.isSafeInteger(exact) ? exact : value;
}

/** @param {number} power of two, of the bytes it has @returns {number} */
function size(power) {
  return number(2 + power);
}

function uint8() {
  return bytes[take(1)];
}

/** @param {number} length */
function binary(length) {
  const start = take(length);
  return bytes.subarray(start, at);
}

/** @param {number} length */
function text(length) {
  const start = take(length);
  let text = "";
  for (let i = start; i < at; i++) {
    if (length > SHORT_TEXT || bytes[i] > 0x7f) return UTF8.decode(bytes.subarray(start, at));
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}

/** @param {number} length @param {number} depth */
function array(length, depth) {
  descend(length, depth);
  const array = new Array(length);
  for (let i = 0; i < length; i++) array[i] = read(depth + 1);
  return array;
}

/** @param {number} length @param {number} depth */
function map(length, depth) {
  descend(length * 2, depth);
  const map = Object.create(null);
  for (let i = 0; i < length; i++) {
    const key = read(depth + 1);
    if (typeof key !== "string" && typeof key !== "number") fail("bad key");
    map[key] = read(depth + 1);
  }
  return map;
}

/**
 * Refuse a container that nests too deep, or claims more values than bytes are left.
 * @param {number} values @param {number} depth
 */
function descend(values, depth) {
  if (depth >= MAX_DEPTH) fail("nests too deep");
  if (values > bytes.length - at) fail("ends early");
}
