/** Slots and experiments as OpenFeature flags: their keys, and what each choice says of itself. */

/**
 * @typedef {import("../core/choose.js").Choice} Choice
 * @typedef {import("../core/needs.js").Needs} Needs
 * @typedef {import("../core/release.js").Release} Release
 *
 * @typedef {object} Said one flag's part of an answer
 * @property {string} head JSON up to the decision's id
 * @property {string} tail the rest; "" when there is no id to tell
 * @property {number} high two hashes of the text, for the ETag
 * @property {number} low
 *
 * @typedef {{flags: Flag[], byKey: Map<string, Flag>, needs: Needs}} Flags
 */

import { core } from "./core.js";

const { choiceNeeds, slotNeeds } = core;

/** @type {WeakMap<Release, Flags>} */
const known = new WeakMap();

/** Choices remembered per flag: rules and variations are few, but never trust that. */
const MAX_SAID = 200;

/** @param {Release} release @returns {Flags} */
export function flagsOf(release) {
  let flags = known.get(release);
  if (!flags) known.set(release, (flags = makeFlags(release)));
  return flags;
}

/** @param {Release} release @returns {Flags} */
function makeFlags(release) {
  const { rules } = release;
  const slots = Object.assign(Object.create(null), experimentSlots(rules), rules.slots);
  const all = { ...rules, slots };
  const flags = Object.keys(slots).map((key) => new Flag(key, all, release));
  return {
    flags,
    byKey: new Map(flags.map((flag) => [flag.key, flag])),
    needs: joined(flags.map(({ needs }) => needs)),
  };
}

/**
 * An experiment's flag is a slot with its one rule and nothing else, so that it decides as the
 * first slot does that names it.
 * @param {any} rules
 */
function experimentSlots(rules) {
  /** @type {Record<string, any>} */
  const slots = Object.create(null);
  for (const of of Object.keys(rules.slots)) {
    rules.slots[of].rules.forEach((/** @type {any} */ rule, /** @type {number} */ at) => {
      if (!rule.experiment) return;
      slots[rule.experiment.key] ??= { default: null, control: null, rules: [rule], of, at };
    });
  }
  return slots;
}

/** What all of them need together. @param {Needs[]} all @returns {Needs} */
function joined(all) {
  return {
    items: all.some(({ items }) => items),
    visitor: all.some(({ visitor }) => visitor),
    segments: all.some(({ segments }) => segments),
    recent: all.some(({ recent }) => recent),
    first: all.flatMap(({ first }) => first),
    attributes: [...new Set(all.flatMap(({ attributes }) => attributes))],
    weights: all.flatMap(({ weights }) => weights),
  };
}

/** One slot or experiment. */
export class Flag {
  /** @param {string} key @param {any} rules @param {Release} release */
  constructor(key, rules, release) {
    const slot = rules.slots[key];
    const { of = key, at } = slot;
    this.key = key;
    this.rules = rules;
    /** The place of an experiment's rule in its slot; undefined for a slot's own flag. */
    this.at = at;
    this.experiment = at !== undefined;
    /** What the id of each of its decisions says before what was chosen. */
    this.place = release.place(of);
    const { experiment } = this;
    this.needs = experiment ? choiceNeeds(slot) : slotNeeds(rules, slot);
    /** @type {Map<string, Said>} */
    this.said = new Map();
  }

  /** @param {Choice} choice @returns {any} the content a slot shows; an experiment only names it */
  contentOf({ content }) {
    return this.experiment || content === null ? undefined : this.rules.content[content];
  }

  /** @param {Choice} choice @param {boolean} trusted @returns {Said} */
  say(choice, trusted) {
    // Its code tells a choice from all others of the slot.
    const name = trusted ? choice.code : `-${choice.code}`;
    let said = this.said.get(name);
    if (!said) {
      said = this.#make(choice, this.#value(choice), this.#reason(choice), choice.reason, trusted);
      if (this.said.size < MAX_SAID) this.said.set(name, said);
    }
    return said;
  }

  /** @param {Choice} choice @param {string[]} items @param {string} reason @param {boolean} trusted */
  sayShelf(choice, items, reason, trusted) {
    const value = items.length ? { content: choice.content, items } : undefined;
    const split = this.#reason(choice);
    return this.#make(choice, value, split === "SPLIT" ? split : value ? "TARGETING_MATCH" : "DEFAULT", reason, trusted);
  }

  /** @returns {Said} */
  keyMissing() {
    return hashed(JSON.stringify({ key: this.key, errorCode: "TARGETING_KEY_MISSING" }), "");
  }

  /** @param {Choice} choice */
  #value(choice) {
    if (choice.content === null) return undefined;
    if (this.experiment) return choice.content;
    return { content: choice.content, html: this.contentOf(choice)?.html };
  }

  /**
   * What was chosen, as decision ids say it; an experiment's rule stands elsewhere in its slot,
   * and the default is the slot's alone.
   * @param {string} code
   */
  #code(code) {
    if (!this.experiment || code[0] === "h") return code;
    return code[0] === "d" ? "" : code.replace(/^\d+/, this.at);
  }

  /** @param {Choice} choice */
  #reason({ reason, experiment }) {
    if (experiment) return "SPLIT";
    if (reason === "off") return "DISABLED";
    if (reason.startsWith("rule:")) return "TARGETING_MATCH";
    return this.rules.slots[this.key].rules.length || this.rules.holdout ? "DEFAULT" : "STATIC";
  }

  /**
   * @param {Choice} choice @param {any} value undefined asks for the default in the caller's code
   * @param {string} reason OpenFeature's @param {string} ours @param {boolean} trusted
   */
  #make({ content, experiment, code }, value, reason, ours, trusted) {
    const metadata = {
      ...(trusted ? { reason: ours } : {}),
      ...(experiment
        ? {
            experiment: experiment.key,
            variation: experiment.variation,
            in_holdout: experiment.in_holdout,
            propensity: experiment.propensity,
          }
        : {}),
    };
    const variant = (value && content) ?? (experiment ? "control" : "default");
    const head = JSON.stringify({ key: this.key, value, reason, variant }).slice(0, -1);
    const made = JSON.stringify(metadata);
    const id = (ours === "empty" ? "e" : "") + this.#code(code);
    return hashed(`${head},"metadata":{"decision":"`, `${id && this.place + id}"${made === "{}" ? "}" : `,${made.slice(1)}`}}`);
  }
}

/** @param {string} head @param {string} tail @returns {Said} */
function hashed(head, tail) {
  const text = head + tail;
  let high = 0x811c9dc5;
  let low = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x5bd1e995);
    low ^= low >>> 15;
  }
  return { head, tail, high, low };
}
