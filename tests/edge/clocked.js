/** The worker's core on a clock that the test sets, over a store that answers, fails or hangs. */

import { answer } from "./core/api.js";
import { Edge } from "./core/edge.js";
import { Incoming } from "./incoming.js";
import { load } from "./load.js";

/** Values by key, filled once. */
const values = new Map();

/** A platform at one moment; `store` says how its store fares. */
class Moment {
  reads = 0;

  constructor(at, store) {
    this.at = at;
    this.store = store;
  }

  async get(key) {
    this.reads++;
    if (this.store === "fails") throw new Error("500");
    if (this.store === "hangs") await new Promise(() => {});
    return values.get(key)?.slice(0) ?? null;
  }

  async sha256(bytes) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  }

  async verify(key, signature, message) {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return crypto.subtle.verify("Ed25519", imported, signature, message);
  }

  now() {
    return this.at;
  }

  random(count) {
    return new Uint8Array(count);
  }

  waitUntil() {}
}

/** Decide at each moment in turn, in one memory. */
async function walk(env, moments) {
  const edge = new Edge(env, load);
  const told = [];
  for (const { at, store, body } of moments) {
    const platform = new Moment(at, store);
    const headers = { authorization: `Bearer ${env.API_TOKEN}` };
    const request = new Request("http://shop.example/_fs/decide", {
      method: "POST", headers, body: JSON.stringify(body),
    });
    const made = await answer(edge, edge.loader(platform), new Incoming(request), { assets: {} });
    const { reads } = platform;
    told.push({ answer: JSON.parse(made.body), faults: { ...edge.health.faults }, reads });
  }
  return told;
}

export default {
  async fetch(request, env) {
    if (request.method === "POST") return Response.json(await walk(env, await request.json()));
    values.set(new URL(request.url).pathname.slice(1), await request.arrayBuffer());
    return new Response(null, { status: 204 });
  },
};
