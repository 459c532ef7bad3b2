/** A release that a share of the devices sees before everyone does. */

import { core } from "./core.js";

const { hash, reasonOf } = core;

/**
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/release.js").Release} Release
 * @typedef {import("../core/releases.js").Releases} Releases
 * @typedef {{manifest: string, digest: Uint8Array, share: number}} Named what the head says of it
 */

export class Canary {
  /** @param {Release} release @param {number} share of the devices, at most 1 */
  constructor(release, share) {
    this.release = release;
    this.share = share;
  }

  /**
   * Return the release where a visit is among the share; undefined elsewhere. A larger share keeps
   * those whom a smaller one had; another canary draws others.
   * @param {import("../core/visit.js").Visit} [visit]
   */
  of(visit) {
    const device = visit?.consent.personalization && visit.device;
    const place = device ? /** @type {number} */ (hash(this.release.manifest, device, 2)) : 1;
    return place < this.share ? this.release : undefined;
  }
}

/**
 * Open what the head names; where that can't be had everyone sees the live release, so null.
 * @param {Releases} releases @param {Loader} loader @param {Named} named
 * @returns {Promise<Canary|null>}
 */
export async function openCanary(releases, loader, named) {
  try {
    const before = releases.canary?.release;
    const known = before?.manifest === named.manifest ? before : null;
    return new Canary(known ?? (await releases.open(loader, named)), named.share);
  } catch (error) {
    loader.health.fault(`canary_${reasonOf(error)}`, named.manifest);
    return null;
  }
}
