/**
 * A release that a share of the devices sees before everyone does, and how both fare: counts by
 * release, which hold nothing of any visitor, and which each isolate puts into the store.
 */

import { core } from "./core.js";

const { hash, hex, reasonOf } = core;

/**
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/platform.js").Platform} Platform
 * @typedef {import("../core/release.js").Release} Release
 * @typedef {import("../core/releases.js").Releases} Releases
 * @typedef {import("../core/visit.js").Visit} Visit
 * @typedef {{manifest: string, digest: Uint8Array, share: number}} Named what the head says of it
 */

/** An isolate tells its counts after so long, then as often; a store takes a write a second a key. */
const FIRST_MS = 5_000;
const AGAIN_MS = 30_000;
/** How long the store keeps them. */
const KEEP_SECONDS = 86_400;

/**
 * How a release fares in this isolate; deploy/canary_health.py reads it. A worker's clock stands
 * still while it computes, so that times are of reads alone.
 */
class Tally {
  decisions = 0;
  /** Shelves that came out without an item. */
  empty = 0;
  faults = 0;
  reads = 0;
  read_ms = 0;
}

export class Canary {
  /** @param {Release} release @param {number} share of the devices, at most 1 @param {Platform} platform */
  constructor(release, share, platform) {
    this.release = release;
    this.share = share;
    this.key = `h-${release.id}-${hex(platform.random(6))}`;
    this.since = platform.now();
    this.due = this.since + FIRST_MS;
    /** @type {Record<string, Tally>} by release */
    this.tallies = {};
  }

  /**
   * Return the release that a visit sees, and count from here on how that fares. A larger share
   * keeps those whom a smaller one had; another canary draws others.
   * @param {Loader} loader @param {Visit|undefined} visit @param {Release|null} live
   */
  seen(loader, visit, live) {
    const device = visit?.consent.personalization && visit.device;
    const place = device ? /** @type {number} */ (hash(this.release.manifest, device, 2)) : 1;
    const release = place < this.share ? this.release : live;
    if (release && visit && !loader.preview) this.#count(loader, release);
    return release;
  }

  /** @param {Loader} loader @param {Release} release */
  #count(loader, release) {
    const tally = (this.tallies[release.id] ??= new Tally());
    if (loader.health instanceof Counted) loader.health.tally = tally;
    else {
      loader.health = /** @type {any} */ (new Counted(this, loader, tally));
      loader.platform = timed(loader.platform, /** @type {any} */ (loader.health));
    }
  }

  /** Put the counts into the store, where the platform has a way. @param {Platform} platform */
  tell(platform) {
    const now = platform.now();
    if (now < this.due || !platform.put) return;
    this.due = now + AGAIN_MS;
    const text = JSON.stringify({ since: this.since, until: now, releases: this.tallies });
    // A store that takes no counts breaks nothing else.
    platform.waitUntil(platform.put(this.key, text, KEEP_SECONDS).catch(() => undefined));
  }
}

/** A request's health: what the isolate counts anyway, and how the release fares. */
class Counted {
  /** @param {Canary} canary @param {Loader} loader @param {Tally} tally */
  constructor(canary, { health, platform }, tally) {
    this.canary = canary;
    this.health = health;
    this.platform = platform;
    this.tally = tally;
  }

  /** @param {string} reason */
  decided(reason) {
    this.health.decided(reason);
    this.tally.decisions++;
    if (reason === "empty") this.tally.empty++;
    this.canary.tell(this.platform);
  }

  /** @param {string} code @param {string} detail */
  fault(code, detail) {
    this.health.fault(code, detail);
    this.tally.faults++;
  }
}

/** The same platform, whose reads are timed. @param {Platform} platform @param {Counted} counted @returns {Platform} */
function timed(platform, counted) {
  const own = Object.create(platform);
  own.get = (/** @type {string} */ key, /** @type {number} */ keepSeconds) => {
    const { tally } = counted;
    const began = platform.now();
    tally.reads++;
    return platform.get(key, keepSeconds).finally(() => {
      tally.read_ms += platform.now() - began;
    });
  };
  return own;
}

/**
 * Open what the head names; where that can't be had everyone sees the live release, so null.
 * @param {Releases} releases @param {Loader} loader @param {Named} named
 * @returns {Promise<Canary|null>}
 */
export async function openCanary(releases, loader, named) {
  try {
    const before = releases.canary;
    if (before?.release.manifest === named.manifest) {
      // Not changed in place: this head may yet turn out to be older than another's.
      const other = new Canary(before.release, named.share, loader.platform);
      return Object.assign(other, before, { share: named.share });
    }
    return new Canary(await releases.open(loader, named), named.share, loader.platform);
  } catch (error) {
    loader.health.fault(`canary_${reasonOf(error)}`, named.manifest);
    return null;
  }
}
