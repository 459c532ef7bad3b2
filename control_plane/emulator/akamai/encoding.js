/** EdgeWorkers' `encoding`. */

import { native } from "./host.js";

export const { TextDecoder, atob, btoa } = native;

export class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  /** @param {string} text @returns {Uint8Array} */
  encode(text) {
    return new native.TextEncoder().encode(text);
  }
}

/** @param {(text: string) => string} binary */
function decoder(binary) {
  return Object.freeze({
    /** @param {string} encoded @param {"String"|"Uint8Array"} [format] */
    decode(encoded, format = "Uint8Array") {
      if (typeof encoded !== "string") throw new TypeError("decode takes a text");
      if (!["String", "Uint8Array"].includes(format)) throw new TypeError(`format ${format}`);
      const text = binary(encoded);
      return format === "String" ? text : bytesOf(text);
    },
  });
}

/** @param {string} binary */
function bytesOf(binary) {
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

export const base64 = decoder(atob);
export const base64url = decoder((text) => atob(text.replaceAll("-", "+").replaceAll("_", "/")));
export const base16 = decoder((text) => {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new TypeError("not hexadecimal");
  return text.replace(/../g, (pair) => String.fromCharCode(parseInt(pair, 16)));
});
