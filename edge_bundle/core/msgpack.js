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
  const bytes = input instanceof Uint8Array ? input : new Uint8Array(input);
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) {
    throw new Error(`msgpack: ${bytes.length - reader.at} bytes after the value`);
  }
  return value;
}

class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  /**
   * Reserve `size` bytes and return where they start.
   * @param {number} size
   */
  take(size) {
    const start = this.at;
    if (size > this.bytes.length - start) {
      throw new Error(`msgpack: ends early: ${size} bytes wanted at ${start}`);
    }
    this.at = start + size;
    return start;
  }

  /**
   * @param {number} depth
   * @returns {any}
   */
  value(depth) {
    const byte = this.bytes[this.take(1)];
    if (byte < 0x80) return byte;
    if (byte < 0x90) return this.map(byte & 0x0f, depth);
    if (byte < 0xa0) return this.array(byte & 0x0f, depth);
    if (byte < 0xc0) return this.text(byte & 0x1f);
    if (byte >= 0xe0) return byte - 256;
    switch (byte) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.binary(this.uint8());
      case 0xc5: return this.binary(this.uint16());
      case 0xc6: return this.binary(this.uint32());
      case 0xca: return this.view.getFloat32(this.take(4));
      case 0xcb: return this.view.getFloat64(this.take(8));
      case 0xcc: return this.uint8();
      case 0xcd: return this.uint16();
      case 0xce: return this.uint32();
      case 0xcf: return exact(this.view.getBigUint64(this.take(8)));
      case 0xd0: return this.view.getInt8(this.take(1));
      case 0xd1: return this.view.getInt16(this.take(2));
      case 0xd2: return this.view.getInt32(this.take(4));
      case 0xd3: return exact(this.view.getBigInt64(this.take(8)));
      case 0xd9: return this.text(this.uint8());
      case 0xda: return this.text(this.uint16());
      case 0xdb: return this.text(this.uint32());
      case 0xdc: return this.array(this.uint16(), depth);
      case 0xdd: return this.array(this.uint32(), depth);
      case 0xde: return this.map(this.uint16(), depth);
      case 0xdf: return this.map(this.uint32(), depth);
      default:
        throw new Error(`msgpack: type 0x${byte.toString(16)} is not used here`);
    }
  }

  uint8() {
    return this.bytes[this.take(1)];
  }

  uint16() {
    return this.view.getUint16(this.take(2));
  }

  uint32() {
    return this.view.getUint32(this.take(4));
  }

  /** @param {number} size */
  binary(size) {
    const start = this.take(size);
    return this.bytes.subarray(start, start + size);
  }

  /** @param {number} size */
  text(size) {
    const start = this.take(size);
    const end = start + size;
    if (size <= SHORT_TEXT) {
      let text = "";
      for (let at = start; at < end; at++) {
        const byte = this.bytes[at];
        if (byte > 0x7f) return UTF8.decode(this.bytes.subarray(start, end));
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return UTF8.decode(this.bytes.subarray(start, end));
  }

  /**
   * @param {number} size
   * @param {number} depth
   */
  array(size, depth) {
    this.descend(size, depth);
    const array = new Array(size);
    for (let i = 0; i < size; i++) array[i] = this.value(depth + 1);
    return array;
  }

  /**
   * @param {number} size
   * @param {number} depth
   */
  map(size, depth) {
    this.descend(size * 2, depth);
    const map = Object.create(null);
    for (let i = 0; i < size; i++) {
      const key = this.value(depth + 1);
      if (typeof key !== "string" && typeof key !== "number") {
        throw new Error(`msgpack: a map key at ${this.at} is neither text nor a number`);
      }
      map[key] = this.value(depth + 1);
    }
    return map;
  }

  /**
   * Refuse a container that nests too deep, or claims more values than bytes are left.
   * @param {number} values
   * @param {number} depth
   */
  descend(values, depth) {
    if (depth >= MAX_DEPTH) throw new Error(`msgpack: nested deeper than ${MAX_DEPTH}`);
    if (values > this.bytes.length - this.at) {
      throw new Error(`msgpack: ends early: ${values} values wanted at ${this.at}`);
    }
  }
}

/**
 * @param {bigint} value
 * @returns {number | bigint}
 */
function exact(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
