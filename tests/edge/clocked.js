/** The worker's core on a clock that the test sets, over a store that answers, fails or hangs. */

import { answer } from "./core/api.js";
import { Edge } from "./core/edge.js";
import { Incoming } from "./incoming.js";
import { KeptValues, worker } from "./kept_values.js";
import { load } from "./load.js";

/** A platform at one moment; `store` says how its store fares. */
class Moment extends KeptValues {
  reads = 0;

  constructor(at, store) {
    super(at);
    this.store = store;
  }

  async get(key) {
    this.reads++;
    if (this.store === "fails") throw new Error("500");
    if (this.store === "hangs") await new Promise(() => {});
    return super.get(key);
  }
}

/** Ask at each moment in turn, in one memory: as a server with the token unless told otherwise. */
async function walk(env, moments) {
  const edge = new Edge(env, load);
  const told = [];
  const server = { authorization: `Bearer ${env.API_TOKEN}` };
  for (const { at, store, body, path = "/_fs/decide", headers = server, cf } of moments) {
    const platform = new Moment(at, store);
    const request = new Request(`http://shop.example${path}`, {
      method: "POST", headers, cf, body: JSON.stringify(body),
    });
    const made = await answer(edge, edge.loader(platform), new Incoming(request), { assets: {} });
    const { reads } = platform;
    told.push({ answer: JSON.parse(made.body), faults: { ...edge.health.faults }, reads });
  }
  return told;
}

export default worker(walk);
