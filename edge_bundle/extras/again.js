/**
 * Answers made lately to the same body. Clients poll with the same context, and shops' servers
 * ask page by page for a visitor who did nothing new, or for newcomers of whom nothing is known:
 * while nothing else that an answer depends on changes, all of it but its id is as it was.
 */

import { core } from "./core.js";

const { attributesOf, needsOf, segmentNeeds } = core;

/**
 * @typedef {import("../core/release.js").Release} Release
 * @typedef {import("../core/scene.js").Scene} Scene
 *
 * @typedef {object} Kept
 * @property {Dependence} dependence
 * @property {Map<object, {grounds: unknown[], made: any}>} answers by body, as bodies.js remembers it
 *
 * @typedef {object} Dependence what answers of a release depend on beside the visitor
 * @property {number[]} turns when a rule starts or ends
 * @property {boolean} hours whether a condition asks for the hour or the day
 * @property {boolean} seconds whether one asks for the session, which says how long it lasts
 * @property {string[]} facts of the request
 */

/** Answers kept by a release, each a few kilobytes; with more, all are forgotten. */
const KEPT = 200;
/** Offsets of time zones change on quarter hours at most, so hours and days begin on them. */
const QUARTER_MS = 900_000;
const FACTS = ["country", "region", "device", "path", "referrer", "query", "utm"];

/** @type {WeakMap<Release, Kept>} */
const known = new WeakMap();

/**
 * Return what `make` made of a body lately, if it would make the same now; else what it makes,
 * null while values are missing.
 * @template {object} Made
 * @param {Scene} scene @param {boolean} trusted whether the body may say who somebody is
 * @param {object} body as bodies.js remembers it
 * @param {() => Made|null} make
 * @returns {Made|null}
 */
export function again(scene, trusted, body, make) {
  const { release, loader, fresh } = scene;
  if (loader.preview) return make();
  let kept = known.get(release);
  if (!kept) known.set(release, (kept = { dependence: dependenceOf(release), answers: new Map() }));
  const { dependence, answers } = kept;
  const grounds = [fresh, trusted, loader.overlays, ...groundsOf(scene, dependence)];
  const last = answers.get(body);
  if (last && alike(last.grounds, grounds)) return last.made;
  const made = make();
  // What lacked a value that the next request may have is not kept.
  if (made && !loader.short) {
    if (answers.size >= KEPT) answers.clear();
    answers.set(body, { grounds, made });
  }
  return made;
}

/**
 * What an answer is made from beside its body, the release and its overlays. Who somebody is
 * decides on their row.
 * @param {Scene} scene @param {Dependence} dependence
 * @returns {unknown[]}
 */
function groundsOf(scene, { turns, hours, seconds, facts }) {
  const { now, consent, device, user, sticky, isNew, session } = scene.visit;
  /** @type {unknown[]} */
  const grounds = [consent, device, user, sticky, isNew, session];
  if (turns.length) grounds.push(turns.filter((turn) => turn <= now).length);
  if (hours) grounds.push(Math.floor(now / QUARTER_MS));
  if (seconds && session.startedAt) grounds.push(Math.round(now / 1000));
  if (facts.length) {
    const told = attributesOf(scene, facts);
    for (const name of facts) grounds.push(told[name]);
  }
  return grounds;
}

/** @param {unknown[]} some @param {unknown[]} others */
function alike(some, others) {
  for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false;
  return some.length === others.length;
}

/** @param {Release} release @returns {Dependence} */
function dependenceOf(release) {
  const slots = Object.keys(release.rules.slots);
  const needs = slots.map((name) => needsOf(release, name));
  const asked = new Set([
    ...needs.flatMap(({ attributes }) => attributes),
    ...segmentNeeds(release).attributes,
    // A shelf's cards and lists may be a country's.
    ...(needs.some(({ items }) => items) ? ["country"] : []),
  ]);
  const rules = slots.flatMap((name) => release.rules.slots[name].rules);
  return {
    turns: rules.flatMap(({ starts, ends }) => [starts, ends]).filter(Boolean),
    hours: asked.has("hour") || asked.has("weekday"),
    seconds: asked.has("session"),
    facts: FACTS.filter((name) => asked.has(name)),
  };
}
