/** `POST decide`: decisions as data, for the shop's own servers and for pages that render themselves. */

import { again } from "./again.js";
import { Told, bodyOf, parseObject, readSlots, reading } from "./bodies.js";
import { isTrusted } from "./callers.js";
import { core } from "./core.js";

const {
  Scene, cookieHeaders, decideSlot, jsonText, liveRelease, memo, needsOf, only, randomText, visitOf,
} = core;

/**
 * @typedef {import("../core/visit.js").Call} Call
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/answers.js").Answer} Answer
 * @typedef {import("../core/decide.js").Decision} Decision
 * @typedef {import("../core/decide.js").SlotRequest} SlotRequest
 * @typedef {import("../core/scene.js").Scene} Scene
 * @typedef {ReturnType<import("./explain.js")["explainer"]>} Explainer
 */

/** What it takes to say in which segments somebody is. */
const SEGMENTS = { items: false, visitor: true, segments: true, recent: false, first: [], attributes: [], weights: [] };
const MAX_DECIDE_BYTES = 65_536;

const readBody = reading((text) => new Asked(parseObject(text)));

/** What a body asks for. */
class Asked {
  /** @param {any} body */
  constructor(body) {
    this.told = new Told(body);
    this.explain = body.explain === true;
    this.names = body.slots;
    /** A release's names of slots; the release itself must not live as long as a body. */
    /** @type {Map<string, string>|undefined} */
    this.among = undefined;
    /** @type {SlotRequest[]} as that release knows them */
    this.known = [];
  }

  /** @param {import("../core/release.js").Release} release */
  slots({ names }) {
    if (names !== this.among) this.known = readSlots(this.names, names);
    this.among = names;
    return this.known;
  }
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call */
export async function answer(edge, loader, call) {
  const wrong = only("POST", call);
  if (wrong) return wrong;
  const asked = readBody(await bodyOf(call, MAX_DECIDE_BYTES));
  const trusted = isTrusted(edge, call);
  const explains = asked.explain && (trusted || loader.preview) ? await edge.extra("explain") : null;
  const explain = explains && explains.explainer(edge, loader.platform.now());
  return loader.settled(() => decideNow(edge, loader, call, asked, trusted, explain));
}

/**
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {Asked} asked
 * @param {boolean} trusted
 * @param {Explainer|null} explain
 * @returns {Answer|null} null while values are missing
 */
function decideNow(edge, loader, call, asked, trusted, explain) {
  const known = visitOf(call, loader);
  const visit = asked.told.addTo(known.visit, trusted);
  const live = liveRelease(edge, loader, visit);
  if (!live) return null;
  const scene = new Scene(loader, live.release, live.fresh, visit, JSON_LIST);
  const id = randomText(loader.platform, 12);
  const make = () => decisions(scene, asked.slots(live.release), trusted, explain, id);
  const told = explain ? make() : again(scene, trusted, asked, make);
  if (!told) return null;
  for (const reason of told.reasons) loader.health.decided(reason);
  return jsonText(200, told.parts.join(id), cookieHeaders(known.cookies));
}

/**
 * Decide slots and say so, in parts between which the call's id belongs; null while values are
 * missing.
 * @param {Scene} scene @param {SlotRequest[]} slots @param {boolean} trusted
 * @param {Explainer|null} explain @param {string} id so random that nothing else is spelled alike
 */
function decisions(scene, slots, trusted, explain, id) {
  const open = trusted || scene.loader.preview !== null;
  if (open && !scene.lookUp(SEGMENTS)) {
    for (const { name } of slots) scene.lookUp(needsOf(scene.release, name));
    return null;
  }
  const decided = decideSlots(scene, slots, id);
  if (!decided) return null;
  const explained = explain ? explain(scene, slots, decided) : NOTHING;
  if (!explained) return null;
  /** @type {Map<string, string>} a slot that is asked for twice is told once */
  const told = new Map();
  for (let i = 0; i < slots.length; i++) told.set(slots[i].name, toldOf(decided[i], open, explained.slots[i]));
  let all = "";
  for (const [name, one] of told) all += `${all && ","}${quoted(name)}:${one}`;
  const segments = open ? `,"segments":${JSON.stringify(scene.segments)}` : "";
  const more = explained.call ? `,"explain":${JSON.stringify(explained.call)}` : "";
  const text = `{"release":"${scene.release.id}","decisions":{${all}}${segments}${more}}`;
  return { parts: text.split(id), reasons: decided.map(({ reason }) => reason) };
}

/** No markup, but the list of a shelf's items. @type {import("../core/render.js").Form} */
const JSON_LIST = {
  name: "json",
  encode: () => "[]",
  shelf: (cards) => JSON.stringify(cards.map(({ sku }) => sku)),
};

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
 * @param {string} id
 * @returns {Decision[]|null}
 */
function decideSlots(scene, slots, id) {
  const decided = [];
  for (let i = 0; i < slots.length; i++) {
    // One that lacks values doesn't keep the others from saying what they lack.
    const decision = decideSlot(scene, slots[i], id + i.toString(36));
    if (decision) decided.push(decision);
  }
  return decided.length < slots.length ? null : decided;
}
