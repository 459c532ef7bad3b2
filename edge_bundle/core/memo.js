/** Remembers what was worked out, within a bound: visitors write many of the keys. */

/**
 * Return a function that gives what `make` makes of a key, the first time, and after that what
 * was made; `make` never gives undefined.
 * @template Made, Key
 * @param {number} limit entries kept; with more, all are forgotten
 * @returns {(key: Key, make: (key: Key) => Made) => Made}
 */
export function memo(limit) {
  /** @type {Map<Key, Made>} */
  const kept = new Map();
  return (key, make) => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = make(key);
    if (kept.size >= limit) kept.clear();
    kept.set(key, made);
    return made;
  };
}
