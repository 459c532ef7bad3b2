/**
 * Evaluates flags. What a flag says is text made once per release, choice and caller, so that a
 * call of twenty flags concatenates; only shelves of items are made per call.
 */

import { core } from "./core.js";
import { flagsOf } from "./flags.js";

/**
 * @typedef {import("../core/scene.js").Scene} Scene
 * @typedef {import("./flags.js").Flag} Flag
 * @typedef {import("./flags.js").Said} Said
 *
 * @typedef {{tag: string, parts: string[]}} Evaluated an answer's ETag, and its text, in which
 *   the call's id belongs between each two parts
 */

const { choose, fillShelf } = core;

const OFF = { content: null, reason: "off", experiment: null, code: "o" };

/**
 * Evaluate all flags; null while values are missing.
 * @param {Scene} scene @param {boolean} trusted
 * @returns {Evaluated|null}
 */
export function evaluateAll(scene, trusted) {
  const { release } = scene;
  const { flags, needs } = flagsOf(release);
  if (!scene.lookUp(needs)) return null;
  const evaluation = new Evaluation(scene, trusted, needs);
  const said = [];
  for (const flag of flags) said.push(evaluation.flag(flag));
  if (!whole(said)) return null;
  const tag = tagOf(release.id, said);
  return { tag, parts: partsOf(release.id, tag, said) };
}

/** One call's flags, decided over one object of attributes. */
export class Evaluation {
  /** So that the shape is known for good: see core/loader.js. */
  static kept = new this(/** @type {any} */ (null), false, /** @type {any} */ (null));

  /** @param {Scene} scene @param {boolean} trusted @param {import("../core/needs.js").Needs} needs */
  constructor(scene, trusted, needs) {
    this.scene = scene;
    this.trusted = trusted;
    /** @type {Record<string, any>|undefined} */
    this.made = undefined;
    this.attributes = () => (this.made ??= scene.attributes(needs.attributes));
  }

  /** @param {Flag} flag @returns {Said|null} null while values are missing */
  flag(flag) {
    const { visit, loader } = this.scene;
    if (this.lacksKey(flag)) return flag.keyMissing();
    const off = loader.overlays?.off.has(flag.key) && !flag.experiment;
    const choice = off ? OFF : choose(flag.rules, flag.key, visit, this.attributes);
    const content = flag.contentOf(choice);
    if (content?.kind === "items") return this.#shelf(flag, choice, content);
    return flag.say(choice, this.trusted);
  }

  /** @param {Flag} flag @param {import("../core/choose.js").Choice} choice @param {any} content */
  #shelf(flag, choice, content) {
    const shelf = fillShelf(this.scene, content, content.limit);
    if (!shelf) return null;
    const { cards, source } = shelf;
    const reason = !cards.length ? "empty" : choice.reason === "default" ? (source ?? "default") : choice.reason;
    return flag.sayShelf(choice, cards.map((card) => card.sku), reason, this.trusted);
  }

  /** @param {Flag} flag */
  lacksKey({ experiment }) {
    const { visit } = this.scene;
    return experiment && visit.consent.personalization && !visit.device;
  }
}

/** @param {(Said|null)[]} said @returns {said is Said[]} whether no value is missing */
function whole(said) {
  return !said.includes(null);
}

/** The ETag: whose flags, and what they say but for the ids. @param {string} release @param {Said[]} said */
function tagOf(release, said) {
  let high = 0;
  let low = 0;
  for (const one of said) {
    high = Math.imul(high ^ one.high, 0x01000193);
    low = Math.imul(low ^ one.low, 0x5bd1e995) + 1;
  }
  return `"${release}.${(high >>> 0).toString(36)}.${(low >>> 0).toString(36)}"`;
}

/** Answers in parts, by tag: most callers are told one of few. */
/** @type {Map<string, {said: Said[], parts: string[]}>} */
const told = new Map();
const MAX_TOLD = 64;

/**
 * Return an answer's parts; the call's id belongs between each two. Joined at once they cost half
 * of adding up what each flag says.
 * @param {string} release @param {string} tag @param {Said[]} said
 */
function partsOf(release, tag, said) {
  const known = told.get(tag);
  if (known && known.said.every((one, i) => one === said[i])) return known.parts;
  const parts = [`{"flags":[`];
  said.forEach(({ head, tail }, i) => {
    parts[parts.length - 1] += (i ? "," : "") + head;
    if (tail) parts.push(i.toString(36) + tail);
  });
  parts[parts.length - 1] += `],"metadata":{"release":"${release}"}}`;
  if (told.size >= MAX_TOLD) told.clear();
  told.set(tag, { said, parts });
  return parts;
}
