/** The segments a visitor is in: the row's, else one that the session tells; and the marketer's. */

import { attributesOf } from "./attributes.js";
import { evaluate } from "./conditions.js";
import { attributesIn, needItems, pathsOf } from "./needs.js";

/** @typedef {import("./release.js").Release} Release */

/** What all conditions of a release's segments ask for. @type {WeakMap<Release, {attributes: string[], items: boolean}>} */
const known = new WeakMap();

/** @param {Release} release */
export function segmentNeeds(release) {
  let needs = known.get(release);
  if (!needs) {
    const learned = release.segments.map(([, , when]) => when);
    const paths = pathsOf([...learned, ...(release.rules.segments ?? [])]);
    known.set(release, (needs = { attributes: attributesIn(paths), items: needItems(paths) }));
  }
  return needs;
}

/**
 * Return the keys of a visitor's segments, worked out when first asked for.
 * @param {import("./scene.js").Scene} scene
 * @returns {string[]}
 */
export function segmentsOf(scene) {
  const { release, row, visit } = scene;
  const { given } = visit;
  if (given && Array.isArray(given.segments)) return given.segments;
  if (!visit.consent.personalization) return NO_SEGMENTS;
  const placed = row && row.segment >= 0 ? release.segments[row.segment] : null;
  const own = release.rules.segments;
  const { attributes: names } = segmentNeeds(release);
  if (!names.length) return placed ? [placed[0]] : NO_SEGMENTS;
  const attributes = attributesOf(scene, names);
  const learned = placed ?? release.segments.find(([, , when]) => when && evaluate(when, attributes));
  const segments = learned ? [learned[0]] : [];
  for (const [key, when] of own ?? []) if (evaluate(when, attributes)) segments.push(key);
  return segments;
}

/** @type {string[]} */
const NO_SEGMENTS = [];
