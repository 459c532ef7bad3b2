/**
 * Says why a slot shows what it shows. The decision is made again with a trace, by the functions
 * that make decisions, so that deciding itself carries none.
 */

import { core } from "./core.js";

/**
 * @typedef {import("../core/scene.js").Scene} Scene
 * @typedef {import("../core/decide.js").Decision} Decision
 * @typedef {{test: string, expected: any, actual: any, met: boolean}} Test one thing a rule asks
 */

const {
  SPARE, Shelf, allowedSources, assign, chooseVariation, evaluate, hash,
  keptVariation, needsOf, parts, rank, ready, shortName, total,
} = core;

/** Candidates that are not shown and yet told of, a stage. */
const TOLD = 12;

/**
 * Return what explains the decisions of a call; it gives null while values for that are missing.
 * @param {import("../core/edge.js").Edge} edge @param {number} began epoch milliseconds
 */
export function explainer(edge, began) {
  /**
   * @param {Scene} scene @param {import("../core/decide.js").SlotRequest[]} slots
   * @param {Decision[]} decided
   */
  return (scene, slots, decided) => {
    const told = slots.map(({ name, limit }, i) => explainSlot(scene, name, decided[i], limit));
    return told.includes(null) ? null : { slots: told, call: explainCall(edge, scene, began) };
  };
}

const OFF = { content: null, because: "off", trace: { holdout: null, rules: [] } };

/**
 * Explain one decided slot; null while values are missing, which the loader then knows.
 * @param {Scene} scene @param {string} name @param {Decision} decision @param {number} [limit]
 */
export function explainSlot(scene, name, decision, limit) {
  const { rules } = scene.release;
  const needs = needsOf(scene.release, name);
  if (!scene.lookUp(needs)) return null;
  const attributes = scene.attributes(needs.attributes);
  const off = scene.loader.overlays?.off.has(name);
  const choice = off ? OFF : traceChoice(scene, name, attributes);
  const content = choice.content === null ? undefined : rules.content[choice.content];
  const shelf = content?.kind === "items" ? traceShelf(scene, content, limit ?? content.limit) : null;
  if (shelf === undefined) return null;
  const { experiment } = decision;
  return { content: choice.content, because: choice.because, experiment, attributes, ...choice.trace, shelf };
}

/**
 * What else a decision depends on: versions, and what it had to wait for.
 * @param {import("../core/edge.js").Edge} edge @param {Scene} scene @param {number} began epoch milliseconds
 */
function explainCall({ releases }, { loader, release, visit, fresh, row, segments }, began) {
  const { counter, issuedAt } = releases;
  const { overlays } = loader;
  return {
    release: release.id,
    manifest: release.manifest,
    format: release.format,
    head: { counter, issued_at: issuedAt, fresh },
    overlays: overlays && overlays.told,
    at: new Date(visit.now).toISOString(),
    consent: visit.consent,
    visitor_row: row === undefined ? "not_needed" : row ? "found" : "none",
    segments,
    // The platform's clock moves only while a request waits: this is all waiting.
    timing: { values_waited_for: loader.read?.size ?? 0, waited_ms: loader.platform.now() - began },
  };
}

/** @param {Scene} scene @param {string} name @param {Record<string, any>} attributes */
function traceChoice({ release: { rules }, visit }, name, attributes) {
  const slot = rules.slots[name];
  const unit = visit.consent.personalization ? visit.device : null;
  const holdout = rules.holdout && traceHoldout(rules.holdout, unit);
  let found = holdout?.held ? { content: slot.control ?? null, because: "holdout" } : null;
  const traced = slot.rules.map((/** @type {any} */ rule) => {
    const { id, forced } = rule;
    if (found) return { id, forced, outcome: "not_reached", tests: [] };
    const tests = testsOf(rule, visit, unit, attributes);
    const matched = tests.every(({ met }) => met);
    if (matched) found = { content: shownBy(rule, unit, visit.sticky), because: `rule:${rule.id}` };
    return { id, forced, outcome: matched ? "matched" : "passed_over", tests };
  });
  const { content, because } = found ?? { content: slot.default ?? null, because: "default" };
  return { content, because, trace: { holdout, rules: traced } };
}

/** @param {{key: string, share: number}} holdout @param {string|null} unit */
function traceHoldout({ key, share }, unit) {
  const place = unit === null ? null : hash(key, unit, 2);
  return { key, share, place, held: place !== null && place < share };
}

/** @param {any} rule @param {string|null} unit @param {string} sticky @returns {string} */
function shownBy({ show, experiment }, unit, sticky) {
  if (!experiment) return show;
  return experiment.variations[assign(experiment, unit ?? "", sticky)?.variation ?? -1];
}

/** @param {any} experiment @param {string|null} unit @returns {number} */
function placeOf({ seed, hash_version: version }, unit) {
  return hash(seed, unit ?? "", version) ?? -1;
}

/**
 * @param {any} rule @param {import("../core/visit.js").Visit} visit @param {string|null} unit
 * @param {Record<string, any>} attributes
 * @returns {Test[]}
 */
function testsOf({ starts, ends, when, experiment }, { now, sticky }, unit, attributes) {
  const tests = [];
  if (starts) tests.push(test("starts", timeOf(starts), timeOf(now), now >= starts));
  if (ends) tests.push(test("ends", timeOf(ends), timeOf(now), now < ends));
  if (when) tests.push(...conditionTests(when, attributes));
  if (experiment) tests.push(...assignmentTests(experiment, unit, sticky));
  return tests;
}

/** @param {string} name @param {any} expected @param {any} actual @param {boolean} met @returns {Test} */
function test(name, expected, actual, met) {
  return { test: name, expected, actual, met };
}

/** @param {number} at */
function timeOf(at) {
  return new Date(at).toISOString();
}

/** @param {any} when @param {Record<string, any>} attributes @returns {Test[]} one a key */
function conditionTests(when, attributes) {
  return Object.keys(when).map((key) => {
    const met = evaluate({ [key]: when[key] }, attributes);
    if (key[0] !== "$") return test(key, when[key], valueAt(attributes, key), met);
    const below = Array.isArray(when[key]) ? when[key] : [when[key]];
    return test(key, when[key], below.map((one) => conditionTests(one, attributes)), met);
  });
}

/** @param {any} value @param {string} path */
function valueAt(value, path) {
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return null;
    value = value[part];
  }
  return value ?? null;
}

/** @param {any} experiment @param {string|null} unit @param {string} sticky @returns {Test[]} */
function assignmentTests(experiment, unit, sticky) {
  const { key, namespace, ranges, variations } = experiment;
  const tests = [test("device", "a device, with consent", unit !== null, unit !== null)];
  if (unit === null) return tests;
  const kept = keptVariation(sticky, shortName(experiment));
  if (variations[kept]) {
    return [...tests, test("fs_exp", "the variation shown before", { variation: kept, shows: variations[kept] }, true)];
  }
  if (namespace) {
    const [name, from, to] = namespace;
    const place = /** @type {number} */ (hash(`__${name}`, unit, 1));
    tests.push(test(`namespace ${name}`, [from, to], place, place >= from && place < to));
  }
  const place = placeOf(experiment, unit);
  const variation = chooseVariation(place, ranges);
  const said = { place, variation: variation < 0 ? null : variation, shows: variations[variation] ?? null };
  return [...tests, test(`experiment ${key}`, ranges, said, variation >= 0)];
}

/** @param {Scene} scene @param {import("../core/recommend.js").Content} content @param {number} limit */
function traceShelf(scene, content, limit) {
  const shelf = new Shelf(scene, content, limit);
  if (content.pin && !shelf.pin(content.pin)) return undefined;
  const pinned = shelf.cards.map(({ sku }) => ({ item: sku, stage: null, score: null, sources: { pin: 1 }, factor: 1 }));
  /** @type {{items: any[], excluded: any[]}} */
  const told = { items: pinned, excluded: [] };
  const stages = [];
  for (const [number, stage] of content.from.entries()) {
    const reached = !shelf.full();
    stages.push({ sources: Object.fromEntries(stage), reached, allowed: allowedSources(scene.visit, stage).map(([source]) => source) });
    if (reached && !ready(scene, stage)) return undefined;
    if (reached && !traceStage(shelf, stage, number + 1, told)) return undefined;
  }
  told.excluded.sort((one, other) => one.stage - other.stage || other.score - one.score);
  return { limit, stages, ...told };
}

/**
 * @param {import("../core/shelf.js").Shelf} shelf @param {[string, number][]} stage @param {number} number
 * @param {{items: any[], excluded: any[]}} told
 * @returns {boolean} false when a card is missing
 */
function traceStage(shelf, stage, number, told) {
  let count = shelf.limit + SPARE;
  for (;;) {
    const ranked = traceRanked(shelf, stage, number, told, count);
    if (!ranked) return false;
    if (shelf.full() || ranked <= count) return true;
    count *= 8;
  }
}

/**
 * @param {import("../core/shelf.js").Shelf} shelf @param {[string, number][]} stage @param {number} number
 * @param {{items: any[], excluded: any[]}} told @param {number} count candidates
 * @returns {number|null} one more than there were, null when a card is missing
 */
function traceRanked(shelf, stage, number, told, count) {
  const { scene, content, limit } = shelf;
  const { items, source } = rank(scene, content, stage, count);
  // Of no more than were ranked: then all that are not among the items were refused.
  const best = total.best(Math.min(limit + TOLD, count), () => false);
  const scores = new Map([...items, ...best].map((item) => [item, scoresOf(shelf, stage, item)]));
  for (const item of items) {
    if (shelf.full()) break;
    const before = shelf.cards.length;
    const twice = shelf.taken.includes(item);
    const card = shelf.card(item);
    const why = card && !twice ? shelf.keepsOut(card) : "";
    if (!shelf.take([item], source)) return null;
    const entry = { item: card?.sku ?? null, stage: number, ...scores.get(item) };
    if (shelf.cards.length > before) told.items.push(entry);
    else if (!twice) exclude(told, { ...entry, why: why || "no_card" });
  }
  const refused = best.filter((item) => !items.includes(item));
  return traceRefused(shelf, refused, scores, number, told) ? items.length + 1 : null;
}

/**
 * Tell of the best that were never candidates: seen, bought, or the page's own.
 * @param {import("../core/shelf.js").Shelf} shelf @param {number[]} refused @param {Map<number, any>} scores @param {number} stage
 * @param {{excluded: any[]}} told
 */
function traceRefused(shelf, refused, scores, stage, told) {
  let ready = true;
  for (const item of refused) {
    const card = shelf.card(item);
    if (card === undefined) ready = false;
    exclude(told, { item: card?.sku ?? null, stage, ...scores.get(item), why: whyRefused(shelf.scene, item) });
  }
  return ready;
}

/** Tell of a candidate once a stage. @param {{excluded: any[]}} told @param {any} entry */
function exclude({ excluded }, entry) {
  const known = excluded.some(({ item, stage }) => item === entry.item && stage === entry.stage);
  if (!known) excluded.push(entry);
}

/** @param {Scene} scene @param {number} item */
function whyRefused({ page, row }, item) {
  if (page?.number === item) return "page_item";
  if (row?.lists.hidden.includes(item)) return "hidden";
  return row?.lists.bought.includes(item) ? "bought" : "seen";
}

/**
 * An item's score, what each source gave of it, and what boost and bury multiply that by.
 * @param {import("../core/shelf.js").Shelf} shelf @param {[string, number][]} stage @param {number} item
 */
function scoresOf({ scene: { loader, visit, release }, content: { weights } }, stage, item) {
  const allowed = allowedSources(visit, stage);
  const { weighing } = release;
  const tables = weights && weighing?.findClasses(loader, weights);
  const factor = weights && weighing && tables ? weighing.factorOf(weights, tables, item) : 1;
  const score = total.get(item);
  /** @type {Record<string, number>} */
  const sources = {};
  if (allowed.length === 1) sources[allowed[0][0]] = score / factor;
  else {
    allowed.forEach(([source, weight], i) => {
      const share = (weight * parts[i].get(item)) / (parts[i].max() || 1);
      if (share) sources[source] = share;
    });
  }
  return { score, sources, factor };
}
