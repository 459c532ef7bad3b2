/** Names of elements as numbers, and what a splicer of pages must know of them. */

/** Elements without content or an end tag. */
export const VOID = 1;
/** Their content is text, up to their own end tag. */
export const RAW = 2;
export const SCRIPT = 4;
/** Their content is no HTML. */
export const FOREIGN = 8;
export const BODY = 16;
export const SLOT = 32;

/** @type {[number, string][]} */
const ELEMENTS = [
  [VOID, "area base basefont bgsound br col embed hr img input keygen link meta param source track wbr"],
  [RAW, "style textarea title xmp iframe noembed noframes noscript plaintext"],
  [RAW | SCRIPT, "script"],
  [FOREIGN, "svg math"],
  [BODY, "body"],
];

/** Go on hashing a name, its letters of either case. @param {number} hash @param {number} letter */
export function hashed(hash, letter) {
  return (Math.imul(hash, 31) + (letter | 32)) & 0x3fffffff;
}

/** Return what is known of elements by the hashes of their names. @param {string[]} slotTags */
export function kindsOf(slotTags) {
  /** @type {Map<number, number>} */
  const kinds = new Map();
  for (const [kind, names] of [...ELEMENTS, /** @type {const} */ ([SLOT, slotTags.join(" ")])]) {
    for (const name of names.split(" ")) {
      let hash = 0;
      for (let i = 0; i < name.length; i++) hash = hashed(hash, name.charCodeAt(i));
      kinds.set(hash, kind | (kinds.get(hash) ?? 0));
    }
  }
  return kinds;
}
