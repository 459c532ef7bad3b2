/** Passes events on to the collector: the service that is bound as COLLECT, or an address. */

import { core } from "../extras/core.js";

const { Refusal } = core;

/**
 * Say whether the collector has them.
 * @param {any} env @param {string} path @param {string} body
 */
export async function collect(env, path, body) {
  const { COLLECT, COLLECT_URL } = env;
  const collector = COLLECT ?? (COLLECT_URL ? globalThis : null);
  if (!collector) return false;
  const url = (COLLECT_URL || "http://collect").replace(/\/$/, "") + path;
  const headers = { "content-type": "application/json" };
  try {
    const response = await collector.fetch(url, { method: "POST", headers, body });
    if (response.status >= 400 && response.status < 500) {
      throw new Refusal(400, "bad_event", (await response.text()).slice(0, 500));
    }
    return response.ok;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return false;
  }
}
