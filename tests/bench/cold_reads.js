/** Decides as a worker whose memory is empty would, and counts what it reads and waits for. */

import { answer } from "./core/api.js";
import { Edge } from "./core/edge.js";
import { Incoming } from "./incoming.js";
import { load } from "./load.js";

/** The store: values by key, filled once. */
const values = new Map();

/** Counts reads, and how many of them came after one another. */
class Counting {
  reads = 0;
  trips = 0;

  async get(key) {
    this.reads++;
    const trip = this.trips + 1;
    await new Promise((resolve) => setTimeout(resolve));
    this.trips = Math.max(this.trips, trip);
    return values.get(key)?.slice(0) ?? null;
  }

  async sha256(bytes) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  }

  async verify(key, signature, message) {
    const imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    return crypto.subtle.verify("Ed25519", imported, signature, message);
  }

  now() {
    return Date.now();
  }

  random(count) {
    return new Uint8Array(count);
  }

  waitUntil() {}
}

async function decide(env, body) {
  const edge = new Edge(env, load);
  const platform = new Counting();
  const request = new Request("http://127.0.0.1/_fs/decide", { method: "POST", body: JSON.stringify(body) });
  const made = await answer(edge, edge.loader(platform), new Incoming(request), { assets: {} });
  return { reads: platform.reads, trips: platform.trips, answer: JSON.parse(made.body), faults: edge.health.faults };
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (request.method === "PUT") {
      values.set(pathname.slice(1), await request.arrayBuffer());
      return new Response(null, { status: 204 });
    }
    const answers = [];
    for (const body of await request.json()) answers.push(await decide(env, body));
    return Response.json(answers);
  },
};
