/** Multiplies scores. */

/** @param {import("../core/scores.js").Scores} scores @param {(item: number) => number} factor */
export function scale({ keys, values, used, size }, factor) {
  for (let i = 0; i < size; i++) values[used[i]] *= factor(keys[used[i]]);
}
