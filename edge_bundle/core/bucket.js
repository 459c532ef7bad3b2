/**
 * Who is in which variation, exactly as GrowthBook's SDK specification says, so that a
 * warehouse query or another SDK reproduces every assignment.
 */

const START = 0x811c9dc5;

/**
 * 32-bit FNV-1a over UTF-16 code units, as the specification's reference does.
 * @param {string} text
 * @param {number} [hash] of what stands before the text: going on spares joining strings
 * @returns {number} an unsigned 32-bit integer
 */
export function fnv1a(text, hash = START) {
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/** FNV-1a of a whole number's decimal digits. @param {number} number below 2^32 */
function fnv1aOfDigits(number) {
  let hash = START;
  let unit = 1;
  while (unit * 10 <= number) unit *= 10;
  for (; unit >= 1; unit /= 10) {
    hash = Math.imul(hash ^ (48 + (Math.floor(number / unit) % 10)), 0x01000193);
  }
  return hash >>> 0;
}

/**
 * Return where in [0, 1) `value` falls under `seed`; null for an unknown hash version.
 *
 * Version 2 has 10,000 places; version 1 has 1,000 and is biased between experiments whose
 * keys are alike, so it serves namespaces only.
 *
 * @param {string} seed
 * @param {string} value
 * @param {number} version
 * @returns {number | null}
 */
export function hash(seed, value, version) {
  if (version === 2) return (fnv1aOfDigits(fnv1a(value, fnv1a(seed))) % 10000) / 10000;
  if (version === 1) return (fnv1a(seed, fnv1a(value)) % 1000) / 1000;
  return null;
}

/**
 * Return the range [from, to) of each of `count` variations.
 *
 * Weights of the wrong number, or that do not sum to 1, count as equal ones.
 *
 * @param {number} count
 * @param {number | null} [coverage] share of people included, clamped to 0..1; all by default
 * @param {number[] | null} [weights]
 * @returns {[number, number][]}
 */
export function bucketRanges(count, coverage, weights) {
  const share = Math.min(1, Math.max(0, coverage ?? 1));
  const shares = valid(weights, count) ? weights : Array(Math.max(0, count)).fill(1 / count);
  let start = 0;
  return shares.map((weight) => {
    /** @type {[number, number]} */
    const range = [start, start + share * weight];
    start += weight;
    return range;
  });
}

/**
 * @param {number[] | null | undefined} weights
 * @param {number} count
 * @returns {weights is number[]}
 */
function valid(weights, count) {
  if (!Array.isArray(weights) || weights.length !== count) return false;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return total >= 0.99 && total <= 1.01;
}

/**
 * Return the first variation whose range holds `n`, or -1.
 *
 * @param {number} n
 * @param {[number, number][]} ranges
 * @returns {number}
 */
export function chooseVariation(n, ranges) {
  for (let i = 0; i < ranges.length; i++) {
    if (n >= ranges[i][0] && n < ranges[i][1]) return i;
  }
  return -1;
}

/**
 * Say whether a person is in a namespace `[name, from, to)`; experiments in parts of one
 * namespace that do not overlap never share a person.
 *
 * @param {string} id
 * @param {[string, number, number]} namespace
 * @returns {boolean}
 */
export function inNamespace(id, namespace) {
  const n = (fnv1a(namespace[0], fnv1a("__", fnv1a(id))) % 1000) / 1000;
  return n >= namespace[1] && n < namespace[2];
}
