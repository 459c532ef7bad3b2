/** Asks the bundle's core from inside an isolate: how long a decision takes, what a cold one reads. */

import { answer } from "./core/api.js";
import { Edge } from "./core/edge.js";
import { Lately } from "./core/lately.js";
import { Incoming } from "./incoming.js";
import { load } from "./load.js";

const HOST = { assets: { sdk: "", consent: "" }, collect: async () => false };

/** What computing decisions share, as requests to an isolate do. */
let warm;

export default {
  async fetch(request, env) {
    const { what, path, headers, repeats } = await request.json();
    const asked = new Request(`http://shop.example${path}`, { headers });
    return Response.json(await (what === "cold" ? cold(env, asked) : compute(env, asked, repeats)));
  },
};

async function compute(env, request, repeats) {
  warm ??= new Edge(env, load);
  const platform = platformOf(env);
  let waits = 0;
  for (let i = 0; i < repeats; i++) {
    // Each time anew: what is measured is how a shelf is made, not how it is remembered.
    if (warm.releases.live) warm.releases.live.lately = new Lately();
    let made = answer(warm, warm.loader(platform), new Incoming(request), HOST);
    // One whose values are in memory is no promise; await would add a turn of the event loop.
    if (made instanceof Promise) {
      made = await made;
      waits++;
    }
    if (made.status !== 200) throw new Error(`${made.status} ${made.body}`);
  }
  return { waits };
}

/** A read's step is one more than the latest step whose reads had ended when it began. */
async function cold(env, request) {
  const edge = new Edge(env, load);
  const platform = platformOf(env);
  const seen = { values: 0, bytes: 0, steps: 0 };
  let ended = 0;
  const get = platform.get;
  platform.get = async (key) => {
    const step = ended + 1;
    seen.values++;
    seen.steps = Math.max(seen.steps, step);
    const value = await get(key);
    seen.bytes += value?.byteLength ?? 0;
    ended = Math.max(ended, step);
    return value;
  };
  const made = await answer(edge, edge.loader(platform), new Incoming(request), HOST);
  if (made.status !== 200) throw new Error(`${made.status} ${made.body}`);
  return { ...seen, levels: levelsOf(edge.releases.live) };
}

/** 1 where a release's manifest holds all its lists, 2 where some stand in values of their own. */
function levelsOf({ locator, lists, visitors }) {
  const paged = [...Object.values(lists), visitors].some((list) => list.paged);
  return paged || locator.some((part) => !part.cells) ? 2 : 1;
}

function platformOf(env) {
  return {
    get: (key) => env.SHELF.get(key, { type: "arrayBuffer" }),
    sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
    verify: async (key, signature, message) => {
      const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
      return crypto.subtle.verify("Ed25519", imported, signature, message);
    },
    now: () => Date.now(),
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
    waitUntil: () => undefined,
  };
}
