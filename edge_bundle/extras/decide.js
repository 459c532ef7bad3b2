/** `POST decide`: decisions as data, for the shop's own servers and for pages that render themselves. */

import { parseObject, readSlots, withBody } from "./bodies.js";
import { isTrusted } from "./callers.js";
import { core } from "./core.js";

const { Scene, cookieHeaders, decideSlot, json, liveRelease, made, needsOf, randomText, visitOf } = core;

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
  const scene = new Scene(loader, release, fresh, visit);
  const open = trusted || loader.preview !== null;
  if (open && !scene.lookUp(SEGMENTS)) {
    for (const { name } of slots) scene.lookUp(needsOf(release, name));
    return null;
  }
  const decided = decideSlots(scene, slots);
  if (!decided) return null;
  /** @type {Record<string, any>} */
  const decisions = {};
  for (let i = 0; i < slots.length; i++) decisions[slots[i].name] = told(decided[i], open);
  const result = { release: release.id, decisions, segments: open ? scene.segments : undefined };
  if (explain && !explain(scene, slots, decided, result)) return null;
  return json(200, result, cookieHeaders(known.cookies));
}

/** What a caller is told of a decision. @param {Decision} decision @param {boolean} open whether reasons too */
function told({ content, cards, experiment, id, reason }, open) {
  const items = cards.map((card) => card.sku);
  return open ? { content, items, experiment, id, reason } : { content, items, experiment, id };
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
