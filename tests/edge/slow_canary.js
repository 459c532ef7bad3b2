/** One memory, two requests: the older head's canary is read last. */

import { Edge } from "./core/edge.js";
import { KeptValues, worker } from "./kept_values.js";
import { load } from "./load.js";

/** A platform that shows one head, and holds one value back until `held` ends. */
class Shows extends KeptValues {
  constructor(at, head, key, held) {
    super(at);
    Object.assign(this, { head, key, held });
  }

  async get(key) {
    if (key === this.key) await this.held;
    return super.get(key === "head" ? this.head : key);
  }
}

const ready = (edge, platform) => {
  const loader = edge.loader(platform);
  return loader.settled(() => edge.releases.ready(loader));
};

/** Take the head `older`, whose canary is held back until the head `newer` was taken. */
async function race(env, { at, older, newer, canary }) {
  const edge = new Edge({ ...env, HEAD_SECONDS: "0", READ_MS: "5000" }, load);
  let end;
  const held = new Promise((resolve) => (end = resolve));
  const slow = ready(edge, new Shows(at, older, canary, held));
  // Only values in memory are read: a few turns are enough to come to the canary.
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  await ready(edge, new Shows(at + 1, newer, "", null));
  end();
  await slow;
  const { counter, canary: seen } = edge.releases;
  return { counter, canary: seen?.release.id ?? null };
}

export default worker(race);
