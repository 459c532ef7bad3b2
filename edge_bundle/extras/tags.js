/** Names of elements as numbers, and what a splicer of pages must know of them. */

/** Elements without content or an end tag. */
export const VOID = 1;
/** Their content is text, up to their own end tag. */
export const RAW = 2;
/** Their content is no HTML: CDATA sections stand there, and elements that close themselves. */
export const FOREIGN = 4;
export const BODY = 8;
export const SLOT = 16;

export const SPACE = 32;
export const BANG = 33;
export const QUOTE = 34;
export const APOSTROPHE = 39;
export const DASH = 45;
export const SLASH = 47;
export const LESS = 60;
export const EQUALS = 61;
export const GREATER = 62;
export const QUESTION = 63;
export const BRACKET = 93;
export const F = 102;
export const S = 115;

/** Go on hashing a name, its letters of either case. @param {number} hash @param {number} letter */
export function hashed(hash, letter) {
  return (Math.imul(hash, 31) + (letter | 32)) & 0x3fffffff;
}

/** Return what is known of elements by the hashes of their names. @param {string[]} slotTags */
export function kindsOf(slotTags) {
  /** @type {[number, string][]} */
  const elements = [
    [VOID, "area base br col embed hr img input link meta param source track wbr"],
    [RAW, "script style textarea title xmp iframe noembed noframes noscript plaintext"],
    [FOREIGN, "svg math"],
    [BODY, "body"],
    [SLOT, slotTags.join(" ")],
  ];
  /** @type {Map<number, number>} */
  const kinds = new Map();
  for (const [kind, names] of elements) {
    for (const name of names.split(" ")) {
      const hash = [...name].reduce((hash, letter) => hashed(hash, letter.charCodeAt(0)), 0);
      kinds.set(hash, kind | (kinds.get(hash) ?? 0));
    }
  }
  return kinds;
}
