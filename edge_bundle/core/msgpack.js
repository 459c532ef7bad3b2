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
  if (at !== bytes.length) fail("goes on after the value");
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
  switch (byte) {
    case 0xc0: return null;
    case 0xc2: return false;
    case 0xc3: return true;
    case 0xc4: return binary(uint8());
    case 0xc5: return binary(uint16());
    case 0xc6: return binary(uint32());
    case 0xca: return view.getFloat32(take(4));
    case 0xcb: return view.getFloat64(take(8));
    case 0xcc: return uint8();
    case 0xcd: return uint16();
    case 0xce: return uint32();
    case 0xcf: return exact(view.getBigUint64(take(8)));
    case 0xd0: return view.getInt8(take(1));
    case 0xd1: return view.getInt16(take(2));
    case 0xd2: return view.getInt32(take(4));
    case 0xd3: return exact(view.getBigInt64(take(8)));
    case 0xd9: return text(uint8());
    case 0xda: return text(uint16());
    case 0xdb: return text(uint32());
    case 0xdc: return array(uint16(), depth);
    case 0xdd: return array(uint32(), depth);
    case 0xde: return map(uint16(), depth);
    case 0xdf: return map(uint32(), depth);
  }
  return fail("a type that is not used here");
}

function uint8() {
  return bytes[take(1)];
}

function uint16() {
  return view.getUint16(take(2));
}

function uint32() {
  return view.getUint32(take(4));
}

/** @param {number} size */
function binary(size) {
  const start = take(size);
  return bytes.subarray(start, at);
}

/** @param {number} size */
function text(size) {
  const start = take(size);
  let text = "";
  for (let i = start; i < at; i++) {
    if (size > SHORT_TEXT || bytes[i] > 0x7f) return UTF8.decode(bytes.subarray(start, at));
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}

/** @param {number} size @param {number} depth */
function array(size, depth) {
  descend(size, depth);
  const array = new Array(size);
  for (let i = 0; i < size; i++) array[i] = read(depth + 1);
  return array;
}

/** @param {number} size @param {number} depth */
function map(size, depth) {
  descend(size * 2, depth);
  const map = Object.create(null);
  for (let i = 0; i < size; i++) {
    const key = read(depth + 1);
    if (typeof key !== "string" && typeof key !== "number") fail("a key that is neither text nor a number");
    map[key] = read(depth + 1);
  }
  return map;
}

/**
 * Refuse a container that nests too deep, or claims more values than bytes are left.
 * @param {number} values @param {number} depth
 */
function descend(values, depth) {
  if (depth >= MAX_DEPTH) fail("nested deeper than 32");
  if (values > bytes.length - at) fail("ends early");
}

/**
 * @param {bigint} value
 * @returns {number | bigint}
 */
function exact(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
