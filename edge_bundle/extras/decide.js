/** `POST decide`: decisions as data, for the shop's own servers and for pages that render themselves. */

import { parseObject, readSlots, withBody } from "./bodies.js";
import { isTrusted } from "./callers.js";
import { core } from "./core.js";

const {
  Scene, cookieHeaders, decideSlot, jsonText, liveRelease, made, memo, needsOf, randomText, visitOf,
} = core;

/**
 * @typedef {import("../core/visit.js").Call} Call
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/answers.js").Answer} Answer
 * @typedef {import("../core/decide.js").Decision} Decision
 * @typedef {import("../core/decide.js").SlotRequest} SlotRequest
 * @typedef {import("../core/scene.js").Scene} Scene
 */

/** What it takes to say in which segments somebody is. */
const SEGMENTS = { items: false, visitor: true, segments: true, recent: false, first: [], attributes: [], weights: [] };
const MAX_DECIDE_BYTES = 65_536;

/** @param {Edge} edge @param {Loader} loader @param {Call} call */
export async function answer(edge, loader, call) {
  const body = parseObject(await call.body(MAX_DECIDE_BYTES));
  const trusted = isTrusted(edge, call);
  const told = (trusted || loader.preview) && body.explain === true ? await edge.extra("explain") : null;
  const explain = told && told.explainer(edge, loader.platform.now());
  return made(loader, () => decideNow(edge, loader, call, body, trusted, explain));
}

/**
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {any} body
 * @param {boolean} trusted
 * @param {ReturnType<import("./explain.js")["explainer"]>|null} explain
 * @returns {Answer|null} null while values are missing
 */
function decideNow(edge, loader, call, body, trusted, explain) {
  const known = visitOf(call, loader);
  const visit = withBody(known.visit, body, trusted);
  const live = liveRelease(edge, loader, visit);
  if (!live) return null;
  const { release, fresh } = live;
  const slots = readSlots(body.slots, release.names);
  const scene = new Scene(loader, release, fresh, visit, "json");
  const open = trusted || loader.preview !== null;
  if (open && !scene.lookUp(SEGMENTS)) {
    for (const { name } of slots) scene.lookUp(needsOf(release, name));
    return null;
  }
  const decided = decideSlots(scene, slots);
  if (!decided) return null;
  const explained = explain ? explain(scene, slots, decided) : NOTHING;
  if (!explained) return null;
  /** @type {Map<string, string>} a slot that is asked for twice is told once */
  const told = new Map();
  for (let i = 0; i < slots.length; i++) told.set(slots[i].name, toldOf(decided[i], open, explained.slots[i]));
  let decisions = "";
  for (const [name, one] of told) decisions += `${decisions && ","}${quoted(name)}:${one}`;
  const segments = open ? `,"segments":${JSON.stringify(scene.segments)}` : "";
  const more = explained.call ? `,"explain":${JSON.stringify(explained.call)}` : "";
  const text = `{"release":"${release.id}","decisions":{${decisions}}${segments}${more}}`;
  return jsonText(200, text, cookieHeaders(known.cookies));
}

/** @type {{slots: any[], call: any}} */
const NOTHING = { slots: [], call: null };

/** Names that releases use, as JSON has them. */
const kept = /** @type {typeof memo<string, string>} */ (memo)(500);
/** @param {string} name */
const quoted = (name) => kept(name, JSON.stringify);

/**
 * What a caller is told of a decision: text at once, its list of items as the shelf keeps it, at
 * half of what `JSON.stringify` takes for the same.
 * @param {Decision} decision @param {boolean} open whether reasons too @param {any} explained
 */
function toldOf({ content, html, experiment, id, reason }, open, explained) {
  const name = content === null ? "null" : quoted(content);
  const why = open ? `,"reason":${quoted(reason)}` : "";
  const more = explained ? `,"explain":${JSON.stringify(explained)}` : "";
  return `{"content":${name},"items":${html ?? "[]"},"experiment":${assignment(experiment)},"id":"${id}"${why}${more}}`;
}

/** @param {import("../core/choose.js").Assignment|null} experiment */
function assignment(experiment) {
  if (!experiment) return "null";
  const { key, variation, in_holdout, propensity } = experiment;
  return `{"key":${quoted(key)},"variation":${variation},"in_holdout":${in_holdout},"propensity":${propensity}}`;
}

/**
 * Decide slots without waiting, in their order: null when values are missing, which the loader
 * then knows.
 * @param {Scene} scene
 * @param {SlotRequest[]} slots known slots
 * @returns {Decision[]|null}
 */
function decideSlots(scene, slots) {
  const { loader } = scene;
  const id = randomText(loader.platform, 12);
  const decisions = [];
  for (let i = 0; i < slots.length; i++) {
    // One that lacks values doesn't keep the others from saying what they lack.
    const decision = decideSlot(scene, slots[i], id + i.toString(36));
    if (decision) decisions.push(decision);
  }
  if (decisions.length < slots.length) return null;
  for (const { reason } of decisions) loader.health.decided(reason);
  return decisions;
}
