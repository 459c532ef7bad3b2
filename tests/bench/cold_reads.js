/** Decides as a worker whose memory is empty would, and counts what it reads and waits for. */

import { answer } from "./core/api.js";
import { Edge } from "./core/edge.js";
import { Incoming } from "./incoming.js";
import { KeptValues, worker } from "./kept_values.js";
import { load } from "./load.js";

/** Counts reads, and how many of them came after one another. */
class Counting extends KeptValues {
  reads = 0;
  trips = 0;

  async get(key) {
    this.reads++;
    const trip = this.trips + 1;
    await new Promise((resolve) => setTimeout(resolve));
    this.trips = Math.max(this.trips, trip);
    return super.get(key);
  }
}

async function decide(env, body) {
  const edge = new Edge(env, load);
  const platform = new Counting(Date.now());
  const request = new Request("http://127.0.0.1/_fs/decide", { method: "POST", body: JSON.stringify(body) });
  const made = await answer(edge, edge.loader(platform), new Incoming(request), { assets: {} });
  return { reads: platform.reads, trips: platform.trips, answer: JSON.parse(made.body), faults: edge.health.faults };
}

export default worker(async (env, bodies) => {
  const answers = [];
  for (const body of bodies) answers.push(await decide(env, body));
  return answers;
});
