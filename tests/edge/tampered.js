/** The worker's core over a store that somebody tampers with, from a memory that is empty or not. */

import { answer } from "./core/api.js";
import { Edge } from "./core/edge.js";
import { Incoming } from "./incoming.js";
import { KeptValues, worker } from "./kept_values.js";
import { load } from "./load.js";

/** A platform whose store shows `changes` (base64, or null where nothing is) instead of values. */
class Tampered extends KeptValues {
  constructor(at, changes) {
    super(at);
    this.changes = changes;
  }

  async get(key) {
    const changed = this.changes[key];
    if (changed === undefined) return super.get(key);
    return changed === null ? null : Uint8Array.fromBase64(changed).buffer;
  }
}

/** One memory for all trials that are not cold. */
let warm;

/** Ask the same of each tampered store; a page's slots as anybody, a decision as a server. */
async function tryAll(env, { at, trials, slots, body }) {
  warm ??= new Edge(env, load);
  const told = [];
  for (const [number, { cold, changes }] of trials.entries()) {
    const edge = cold ? new Edge(env, load) : warm;
    const platform = new Tampered(at + 1000 * number, changes);
    const ask = async (path, options) => {
      const call = new Incoming(new Request(`http://shop.example/_fs/${path}`, options));
      const { status, body } = await answer(edge, edge.loader(platform), call, { assets: {} });
      return { status, body: typeof body === "string" ? body : new TextDecoder().decode(body ?? new Uint8Array()) };
    };
    const shown = {};
    for (const slot of slots) shown[slot] = await ask(`slot/${slot}`);
    const headers = { authorization: `Bearer ${env.API_TOKEN}` };
    const decided = await ask("decide", { method: "POST", headers, body: JSON.stringify(body) });
    told.push({ shown, decided, faults: Object.keys(edge.health.faults) });
  }
  return told;
}

export default worker(tryAll);
