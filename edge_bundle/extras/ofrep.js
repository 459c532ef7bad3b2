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
 * @typedef {import("./flags.js").Said} Said
 */

const {
  Refusal, Scene, choose, cookieHeaders, fillShelf, json, randomText, visitOf,
} = core;

const PATH = "/ofrep/v1/evaluate/flags";
const MAX_BYTES = 65_536;
const OFF = { content: null, reason: "off", experiment: null, code: "o" };

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
    const trusted = mayAsk(edge, call);
    const context = await readContext(call);
    const made = loader.settled(() => evaluateNow(edge, loader, call, context, trusted, key));
    return /** @type {Answer} */ (made instanceof Promise ? await made : made);
  } catch (error) {
    if (error instanceof Refusal) return refusal(error.status, error.code, error.message, key);
    loader.health.fault("api_error", error instanceof Error ? error.message : "");
    return refusal(500, "GENERAL", "the edge could not answer; use your defaults", key);
  }
}

/** Say whether a caller is trusted; refuse one that wrongly says so. @param {Edge} edge @param {Call} call */
function mayAsk(edge, call) {
  const trusted = isTrusted(edge, call);
  if (!trusted && call.header("authorization")?.startsWith("Bearer ")) {
    throw new Refusal(401, "GENERAL", "the bearer token is not this edge's");
  }
  return trusted;
}

/**
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {Record<string, any>} context
 * @param {boolean} trusted @param {string} [key]
 * @returns {Answer|null} null while values are missing
 */
function evaluateNow(edge, loader, call, context, trusted, key) {
  const known = visitOf(call, loader);
  const visit = visitWith(known.visit, context, trusted);
  const live = edge.releases.ready(loader, visit);
  if (!live) return null;
  const { release, fresh } = live;
  if (!release) throw new Refusal(500, "GENERAL", "no release is live here yet; deploy one");
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

  /** @param {Flag[]} flags @param {Call} call @param {[string, string][]} headers @returns {Answer|null} */
  bulk(flags, call, headers) {
    const said = [];
    for (const flag of flags) said.push(this.flag(flag));
    if (!whole(said)) return null;
    const { id } = this.scene.release;
    const tag = tagOf(id, said);
    if (call.header("if-none-match")?.includes(tag)) {
      return { status: 304, kind: "bare", mark: "", headers: [...headers, ["etag", tag]], body: "" };
    }
    return answerOf(partsOf(id, tag, said).join(this.id), headers, tag);
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
    return answerOf(text, headers);
  }

  /** @param {Flag} flag @returns {Said|null} null while values are missing */
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
    return withBody(visit, { page, consent, visitor, session, device, attributes }, trusted);
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

/** @param {string} body @param {[string, string][]} headers @param {string} [mark] @returns {Answer} */
function answerOf(body, headers, mark = "") {
  return { status: 200, kind: "json", mark, headers, body };
}

/**
 * @param {number} status @param {string} errorCode @param {string} errorDetails
 * @param {string} [key] @param {[string, string][]} [headers]
 */
function refusal(status, errorCode, errorDetails, key, headers) {
  return json(status, { key, errorCode, errorDetails }, headers);
}
