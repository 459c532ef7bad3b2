/** What `boost` and `bury` make of a shelf's scores; compiler/weights.py says how it is stored. */

import { core } from "./core.js";
import { scale } from "./scale.js";

const { hex, openTable } = core;

/**
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/scores.js").Scores} Scores
 *
 * @typedef {object} Weights
 * @property {number} bits a class of so many bits an item
 * @property {number[]} factors one a class
 * @property {number[]} enter items that are candidates in any case, as they were named
 * @property {Uint8Array} digests
 * @property {string[]} [keys] made on first use
 */

/** Bytes of classes in a value. */
const VALUE_BYTES = 60_000;
/** The score of an item that enters, as a share of the best one's. */
const ENTERS_WITH = 0.05;

/** @param {ArrayBuffer} buffer */
function openWeights(buffer) {
  return { bytes: buffer.byteLength, classes: openTable(buffer, "weights").classes };
}

/**
 * Return the classes by value: null for one that can't be had, undefined until all are read.
 * @param {Loader} loader
 * @param {Weights} weights
 * @returns {({classes: Uint8Array}|null)[]|undefined}
 */
export function findClasses(loader, weights) {
  const keys = (weights.keys ??= keysOf(weights.digests));
  const tables = keys.map((key) => loader.table(key, openWeights));
  return tables.includes(undefined) ? undefined : tables;
}

/**
 * Weigh the scores of a stage that has any.
 * @param {Loader} loader
 * @param {Weights} weights
 * @param {Scores} scores
 */
export function weigh(loader, weights, scores) {
  const tables = findClasses(loader, weights);
  if (!tables || !scores.size) return;
  const { enter } = weights;
  const least = ENTERS_WITH * scores.max();
  // Those named first stand first.
  enter.forEach((item, i) => !scores.get(item) && scores.add(item, least / (1 + i / 100)));
  scale(scores, (item) => factorOf(weights, tables, item));
}

/**
 * What an item's score is multiplied by.
 * @param {Weights} weights @param {({classes: Uint8Array}|null)[]} tables @param {number} item
 */
export function factorOf({ bits, factors }, tables, item) {
  const bit = item * bits;
  const at = bit >>> 3;
  const table = tables[Math.floor(at / VALUE_BYTES)];
  if (!table) return 1;
  return factors[(table.classes[at % VALUE_BYTES] >> (bit & 7)) & ((1 << bits) - 1)];
}

/** @param {Uint8Array} digests 16 bytes each */
function keysOf(digests) {
  const count = digests.length >> 4;
  return Array.from({ length: count }, (_, i) => `w-${hex(digests.subarray(i * 16, i * 16 + 16))}`);
}
