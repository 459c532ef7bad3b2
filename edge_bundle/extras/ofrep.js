/**
 * OpenFeature's remote evaluation protocol, OFREP 0.3.0: slots and experiments as flags.
 *
 * What a flag says is text made once per release, choice and caller, so that a call of twenty
 * flags concatenates; only shelves of items are made per call.
 */

import { parseObject, withBody } from "./bodies.js";
import { isTrusted } from "./callers.js";
import { core } from "./core.js";
import { flagsOf } from "./flags.js";

/**
 * @typedef {import("../core/visit.js").Call} Call
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/answers.js").Answer} Answer
 * @typedef {import("./flags.js").Flag} Flag
 */

const {
  Refusal, Scene, choose, cookieHeaders, fillShelf, json, randomText, visitOf,
} = core;

const PATH = "/ofrep/v1/evaluate/flags";
const MAX_BYTES = 65_536;
const OFF = { content: null, reason: "off", experiment: null, code: "o" };
const PLAIN = { page: undefined, consent: undefined, visitor: undefined, session: undefined };

/**
 * Answer a call under /ofrep/. Failures have the protocol's shapes.
 * @param {Edge} edge @param {Loader} loader @param {Call} call
 * @returns {Promise<Answer>}
 */
export async function answer(edge, loader, call) {
  const { path } = call;
  const key = path.startsWith(`${PATH}/`) ? decodeKey(path.slice(PATH.length + 1)) : undefined;
  if (key === undefined && path !== PATH) return refusal(404, "GENERAL", "nothing here");
  if (call.method !== "POST") {
    return refusal(405, "GENERAL", "use POST", key, [["allow", "POST"]]);
  }
  try {
    return await evaluateFlags(edge, loader, call, key);
  } catch (error) {
    if (error instanceof Refusal) return refusal(error.status, error.code, error.message, key);
    loader.health.fault("api_error", error instanceof Error ? error.message : "");
    return refusal(500, "GENERAL", "the edge could not answer; use your defaults", key);
  }
}

/** @param {Edge} edge @param {Loader} loader @param {Call} call @param {string} [key] */
async function evaluateFlags(edge, loader, call, key) {
  const trusted = isTrusted(edge, call);
  if (!trusted && call.header("authorization")?.startsWith("Bearer ")) {
    throw new Refusal(401, "GENERAL", "the bearer token is not this edge's");
  }
  const context = await readContext(call);
  return /** @type {Answer} */ (
    await loader.settled(() => evaluateNow(edge, loader, call, context, trusted, key))
  );
}

/**
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {Record<string, any>} context
 * @param {boolean} trusted @param {string} [key]
 * @returns {Answer|null} null while values are missing
 */
function evaluateNow(edge, loader, call, context, trusted, key) {
  const live = edge.releases.ready(loader);
  if (!live) return null;
  const { release, fresh } = live;
  if (!release) throw new Refusal(500, "GENERAL", "no release is live here yet; deploy one");
  const known = visitOf(call, loader);
  const visit = visitWith(known.visit, context, trusted);
  const { flags, byKey, needs } = flagsOf(release);
  const one = key === undefined ? undefined : byKey.get(key);
  if (key !== undefined && !one) throw new Refusal(404, "FLAG_NOT_FOUND", "no such slot or experiment");
  const scene = new Scene(loader, release, fresh, visit);
  if (!scene.lookUp(one ? one.needs : needs)) return null;
  const evaluation = new Evaluation(scene, trusted, one ? one.needs : needs);
  const headers = cookieHeaders(known.cookies);
  // A list of all that could be shown counts once: none of it need ever be.
  loader.health.decided("flags");
  return one ? evaluation.single(one, headers) : evaluation.bulk(flags, call, headers);
}

/** One call's flags, decided over one object of attributes. */
class Evaluation {
  /** @param {import("../core/scene.js").Scene} scene @param {boolean} trusted @param {import("../core/needs.js").Needs} needs */
  constructor(scene, trusted, needs) {
    this.scene = scene;
    this.trusted = trusted;
    /** @type {Record<string, any>|undefined} */
    this.made = undefined;
    this.attributes = () => (this.made ??= scene.attributes(needs.attributes));
    this.id = randomText(scene.loader.platform, 12);
  }

  /** @param {Flag[]} flags @param {Call} call @param {[string, string][]} headers */
  bulk(flags, call, headers) {
    const said = flags.map((flag) => this.flag(flag));
    let high = 0;
    let low = 0;
    let text = "";
    for (let i = 0; i < said.length; i++) {
      const one = said[i];
      if (!one) return null;
      high = Math.imul(high ^ one.high, 0x01000193);
      low = Math.imul(low ^ one.low, 0x5bd1e995) + 1;
      text += (i ? "," : "") + one.head + (one.tail && this.id + i.toString(36) + one.tail);
    }
    const { id } = this.scene.release;
    const tag = `"${id}.${(high >>> 0).toString(36)}.${(low >>> 0).toString(36)}"`;
    const own = /** @type {[string, string][]} */ ([...headers, ["etag", tag]]);
    if (call.header("if-none-match")?.includes(tag)) return answerOf(304, "", own);
    const body = `{"flags":[${text}],"metadata":{"release":"${id}"}}`;
    return answerOf(200, body, own);
  }

  /** @param {Flag} flag @param {[string, string][]} headers */
  single(flag, headers) {
    if (this.#lacksKey(flag)) {
      throw new Refusal(400, "TARGETING_KEY_MISSING", "an experiment needs context.targetingKey");
    }
    const said = this.flag(flag);
    if (!said) return null;
    const { id } = this.scene.release;
    const text = `${said.head}${this.id}${said.tail.slice(0, -2)},"release":"${id}"}}`;
    return answerOf(200, text, headers);
  }

  /** @param {Flag} flag @returns {import("./flags.js").Said|null} null while values are missing */
  flag(flag) {
    const { visit, loader } = this.scene;
    if (this.#lacksKey(flag)) return flag.keyMissing();
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
  #lacksKey({ experiment }) {
    const { visit } = this.scene;
    return experiment && visit.consent.personalization && !visit.device;
  }
}

/** @param {Call} call @returns {Promise<Record<string, any>>} */
async function readContext(call) {
  let body;
  try {
    body = parseObject(await call.body(MAX_BYTES));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(400, "PARSE_ERROR", error.message);
  }
  const { context = {} } = body;
  if (typeof context !== "object" || context === null || Array.isArray(context)) {
    throw new Refusal(400, "INVALID_CONTEXT", "context must be an object");
  }
  return context;
}

/**
 * @param {import("../core/decide.js").Visit} visit
 * @param {Record<string, any>} context
 * @param {boolean} trusted
 */
function visitWith(visit, { targetingKey, page, consent, visitor, session, ...attributes }, trusted) {
  try {
    const device = targetingKey || undefined;
    return withBody(visit, { ...PLAIN, page, consent, visitor, session, device, attributes }, trusted);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(400, "INVALID_CONTEXT", error.message.replace("device", "targetingKey"));
  }
}

/** @param {string} encoded */
function decodeKey(encoded) {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** @param {number} status @param {string} body @param {[string, string][]} headers @returns {Answer} */
function answerOf(status, body, headers) {
  return { status, kind: status === 200 ? "json" : "bare", decision: "", headers, body };
}

/**
 * @param {number} status @param {string} errorCode @param {string} errorDetails
 * @param {string} [key] @param {[string, string][]} [headers]
 */
function refusal(status, errorCode, errorDetails, key, headers) {
  return json(status, { key, errorCode, errorDetails }, headers);
}
