/** Prepares a batch of events for the collector: who sent it is the worker's word, not theirs. */

import { Refusal, parseObject } from "./requests.js";

/** @typedef {import("./visit.js").Visit} Visit */

/** Largest batch, as Segment's and the collector's. */
export const MAX_BATCH_BYTES = 4_000_000;
const MAX_CALLS = 1000;

/**
 * @param {string} text a Segment batch, or a single call
 * @param {Visit} visit
 * @param {string} agent
 * @param {import("./exposures.js").Decided} decided
 * @returns {string} the body to pass on
 */
export function stampEvents(text, visit, agent, decided) {
  const body = parseObject(text);
  const calls = Array.isArray(body.batch) ? body.batch : [body];
  if (calls.length > MAX_CALLS) {
    throw new Refusal(400, "bad_request", `at most ${MAX_CALLS} events a batch`);
  }
  for (const call of calls) {
    stamp(call, visit, agent);
    const { properties } = call;
    if (properties?.decision) {
      properties.decision = decided.tell(properties.decision, properties.exposure);
    }
  }
  try {
    return JSON.stringify(body);
  } catch {
    throw new Refusal(400, "bad_request", "the events nest too deep");
  }
}

/** @param {any} call @param {Visit} visit @param {string} agent */
function stamp(call, visit, agent) {
  if (typeof call !== "object" || call === null || Array.isArray(call)) {
    throw new Refusal(400, "bad_request", "batch[] must hold objects");
  }
  const { personalization, analytics } = visit.consent;
  call.anonymousId = visit.device ?? undefined;
  call.userId = visit.user ?? undefined;
  const context = typeof call.context === "object" && call.context !== null ? call.context : {};
  call.context = {
    ...context,
    decision: undefined, // its place is among the properties, where it is looked into
    consent: { personalization, analytics },
    country: visit.facts.country ?? undefined,
    device: visit.facts.device,
    userAgent: agent,
  };
}
