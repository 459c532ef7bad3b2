/** OpenFeature's remote evaluation protocol, OFREP 0.3.0: slots and experiments as flags. */

import { again } from "./again.js";
import { Told, bodyOf, parseObject, reading } from "./bodies.js";
import { isTrusted } from "./callers.js";
import { core } from "./core.js";
import { Evaluation, evaluateAll } from "./evaluation.js";
import { flagsOf } from "./flags.js";

/**
 * @typedef {import("../core/visit.js").Call} Call
 * @typedef {import("../core/edge.js").Edge} Edge
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/answers.js").Answer} Answer
 * @typedef {import("../core/scene.js").Scene} Scene
 */

const { Refusal, Scene, cookieHeaders, isObject, json, randomText, visitOf } = core;

const PATH = "/ofrep/v1/evaluate/flags";
const MAX_BYTES = 65_536;

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
    const context = readContext(await bodyOf(call, MAX_BYTES));
    const made = loader.settled(() => evaluateNow(edge, loader, call, context, trusted, key));
    return /** @type {Answer} */ (made instanceof Promise ? await made : made);
  } catch (error) {
    if (error instanceof Refusal) return refused(error, key);
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
 * @param {Edge} edge @param {Loader} loader @param {Call} call @param {Told} context
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
  const scene = new Scene(loader, release, fresh, visit);
  const headers = cookieHeaders(known.cookies);
  const answer = key === undefined ? all(scene, context, trusted, call, headers) : single(scene, trusted, key, headers);
  // A list of all that could be shown counts once: none of it need ever be.
  if (answer) loader.health.decided("flags");
  return answer;
}

/**
 * @param {Scene} scene @param {Told} context @param {boolean} trusted @param {Call} call
 * @param {[string, string][]} headers @returns {Answer|null}
 */
function all(scene, context, trusted, call, headers) {
  const evaluated = again(scene, trusted, context, () => evaluateAll(scene, trusted));
  if (!evaluated) return null;
  const { tag, parts } = evaluated;
  if (call.header("if-none-match")?.includes(tag)) {
    return { status: 304, kind: "bare", mark: "", headers: [...headers, ["etag", tag]], body: "" };
  }
  return answerOf(parts.join(randomText(scene.loader.platform, 12)), headers, tag);
}

/**
 * @param {Scene} scene @param {boolean} trusted @param {string} key
 * @param {[string, string][]} headers @returns {Answer|null}
 */
function single(scene, trusted, key, headers) {
  const { release, loader } = scene;
  const flag = flagsOf(release).byKey.get(key);
  if (!flag) throw new Refusal(404, "FLAG_NOT_FOUND", "no such slot or experiment");
  if (!scene.lookUp(flag.needs)) return null;
  const evaluation = new Evaluation(scene, trusted, flag.needs);
  if (evaluation.lacksKey(flag)) {
    throw new Refusal(400, "TARGETING_KEY_MISSING", "an experiment needs context.targetingKey");
  }
  const said = evaluation.flag(flag);
  if (!said) return null;
  const id = randomText(loader.platform, 12);
  return answerOf(`${said.head}${id}${said.tail.slice(0, -2)},"release":"${release.id}"}}`, headers);
}

/** What contexts say of a visit. */
const readContext = reading((text) => {
  const { context = {} } = parseObject(text);
  if (!isObject(context)) throw new Refusal(400, "INVALID_CONTEXT", "context must be an object");
  const { targetingKey, page, consent, visitor, session, ...attributes } = context;
  return new Told({ page, consent, visitor, session, device: targetingKey || undefined, attributes });
});

/** @param {import("../core/decide.js").Visit} visit @param {Told} told @param {boolean} trusted */
function visitWith(visit, told, trusted) {
  try {
    return told.addTo(visit, trusted);
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

/** A refusal of a body that could not even be read has a code of our own. @param {import("../core/requests.js").Refusal} error @param {string} [key] */
function refused({ status, code, message }, key) {
  const unread = code === "bad_request" || code === "too_large";
  return unread ? refusal(400, "PARSE_ERROR", message, key) : refusal(status, code, message, key);
}

/**
 * @param {number} status @param {string} errorCode @param {string} errorDetails
 * @param {string} [key] @param {[string, string][]} [headers]
 */
function refusal(status, errorCode, errorDetails, key, headers) {
  return json(status, { key, errorCode, errorDetails }, headers);
}
