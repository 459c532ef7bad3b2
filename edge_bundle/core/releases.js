/** Follows the head: which release is live, verified, and kept when anything fails. */

import { FORMAT, known } from "./columns.js";
import { unseal } from "./envelope.js";
import { reasonOf } from "./loader.js";
import { within } from "./platform.js";
import { Release } from "./release.js";

/** @typedef {import("./loader.js").Loader} Loader */

/** How long a location may keep its copy of the head: the store's own least. */
const HEAD_KEEP_SECONDS = 30;
/** When a release is everywhere: propagation takes a minute or more. */
const SETTLED_MS = 600_000;
/** How long a failed look at the head is not tried again, with a release to go on with. */
const RETRY_MS = 1000;
/** A head not read for so long says too little of who was erased for visitor rows to be used. */
const OVERDUE_MS = 60_000;

export class Releases {
  /**
   * @param {import("./config.js").Config} config
   * @param {(name: keyof import("./edge.js").Extras) => any} extra gives a module of extras/, or null
   */
  constructor(config, extra) {
    this.config = config;
    this.extra = extra;
    /** @type {Release|null} */
    this.live = null;
    /** What was live before in this isolate: pages of it are still open. */
    /** @type {Release|null} */
    this.before = null;
    /** What a share of the devices sees instead. */
    /** @type {import("../extras/canary.js").Canary|null} */
    this.canary = null;
    /** @type {import("../extras/overlays.js").Overlays|null} of the head with the counter `heeded` */
    this.overlays = null;
    this.heeded = -1;
    this.counter = -1;
    this.issuedAt = 0;
    /** When the live release went live. */
    this.liveSince = 0;
    /** When the head was last read, last asked for, and last could not be had. */
    this.checkedAt = 0;
    this.askedAt = 0;
    this.failedAt = 0;
  }

  /**
   * Return the live release, or the canary for those who see it, after a look at the head when the
   * last one is too old: null when that look has to be waited for. `release` is null when there is
   * none to be had; `fresh` is false when the head is overdue.
   * @param {Loader} loader
   * @param {import("./visit.js").Visit} [visit]
   * @returns {{release: Release|null, fresh: boolean}|null}
   */
  ready(loader, visit) {
    const now = loader.platform.now();
    const age = now - this.checkedAt;
    const due = this.config.headSeconds * 1000;
    if (!this.live) {
      if (loader.ask("head", () => this.#refresh(loader)) === undefined) return null;
    } else if (age >= due) {
      const tried = now - this.failedAt < Math.min(RETRY_MS, due);
      if (!tried && loader.ask("head", () => this.#refreshSoon(loader)) === undefined) return null;
    } else if (age >= due / 2 && this.askedAt <= this.checkedAt) {
      loader.platform.waitUntil(this.#refresh(loader));
    }
    loader.settle(now - this.liveSince > SETTLED_MS);
    loader.overlays = this.overlays;
    const fresh = now - this.checkedAt < Math.max(due, OVERDUE_MS);
    if (this.live && !fresh) loader.health.fault("head_overdue", "visitor rows left out");
    const release = this.canary ? this.canary.seen(loader, visit, this.live) : this.live;
    const live = { release, fresh };
    return loader.preview ? loader.preview.ready(loader, live) : live;
  }

  /** @param {Loader} loader */
  async #refreshSoon(loader) {
    const refresh = this.#refresh(loader);
    loader.platform.waitUntil(refresh);
    // Late is not a fault here: the release in memory goes on.
    await within(refresh, this.config.headWaitMs).catch(() => undefined);
    return true;
  }

  /** Look at the head, and open what it names. Never throws. @param {Loader} loader */
  async #refresh(loader) {
    const { platform, health } = loader;
    this.askedAt = platform.now();
    let what = "head";
    try {
      const value = await loader.value("head", HEAD_KEEP_SECONDS);
      const head = await unseal(
        platform, "frontshelf/head/1", this.config, this.config.headKeys, value,
      );
      this.#refuseOlder(head);
      await this.#heed(loader, head);
      what = "manifest";
      const opening = head.canary && this.#canaryOf(loader, head.canary);
      const known = this.live?.manifest === head.live.manifest;
      const release = known ? this.live : await this.#openLive(loader, head);
      const canary = await opening;
      // Another request may have seen a newer head while this one read manifests; nothing is
      // waited for from here on.
      this.#refuseOlder(head);
      if (release !== this.live) this.before = this.live;
      this.live = release;
      this.canary = canary;
      this.liveSince = head.live.since ?? head.issued_at;
      this.counter = head.counter;
      this.issuedAt = head.issued_at;
      this.checkedAt = platform.now();
    } catch (error) {
      this.failedAt = platform.now();
      health.fault(`${what}_${reasonOf(error)}`, error instanceof Error ? error.message : "");
    }
    return true;
  }

  /**
   * Take over the overlays of a genuine head, whether its release can be had or not; with a
   * release to go on with, after their values were read, so that no decision waits for these.
   * @param {Loader} loader @param {{counter: number, overlays: any[]}} head
   */
  async #heed(loader, { counter, overlays: entries }) {
    if (counter <= this.heeded) return;
    // Null for none, so that others need one test only. Without the module the head is not heeded.
    const overlays = entries?.length
      ? await (await this.extra("overlays")).openOverlays(loader, entries, this.live !== null)
      : null;
    if (counter > this.heeded) [this.heeded, this.overlays] = [counter, overlays];
  }

  /** @param {Loader} loader @param {import("../extras/canary.js").Named} named */
  async #canaryOf(loader, named) {
    return (await this.extra("canary"))?.openCanary(this, loader, named);
  }

  /** @param {{counter: number}} head */
  #refuseOlder(head) {
    if (head.counter < Math.max(this.counter, this.config.minCounter)) {
      throw new Error("older");
    }
  }

  /**
   * Open what a head names as live. Where memory has no release, the previous one serves until
   * the live one can be had.
   * @param {Loader} loader @param {any} head
   */
  async #openLive(loader, { counter, live, previous }) {
    try {
      return await this.open(loader, live);
    } catch (error) {
      if (!this.live && previous) {
        const release = await this.open(loader, previous);
        // Another request may have had the live one meanwhile.
        if (!this.live) [this.live, this.counter] = [release, counter];
      }
      throw error;
    }
  }

  /**
   * Open a release; throw unless it is genuine and as named.
   * @param {Loader} loader @param {{manifest: string, digest: Uint8Array}} named
   * @returns {Promise<Release>}
   */
  async open(loader, named) {
    const { platform } = loader;
    const value = await loader.value(named.manifest, loader.keepSeconds);
    const digest = await platform.sha256(value);
    if (digest.some((byte, i) => byte !== named.digest[i])) throw new Error("digest");
    const body = await unseal(
      platform, "frontshelf/manifest/1", this.config, this.config.releaseKeys, value,
    );
    if (body.kind !== "manifest" || !known(body.format)) throw new Error("format");
    const before = body.format === FORMAT ? null : await this.extra("format1");
    if (before === null && body.format !== FORMAT) throw new Error("format");
    const release = new Release(body, named.manifest, before?.OPENERS);
    if (!before && release.visitors.keys.length) {
      release.open = { ...release.open, visitors: (await this.extra("visitors"))?.openVisitors };
    }
    const weighs = Object.values(release.rules.content).some((content) => content.weights);
    if (weighs) release.weighing = await this.extra("weights");
    if (takesRarer(release)) {
      if (!(release.rarer = await this.extra("rarer"))) throw new Error("failed");
      release.rarer.addLists(release);
    }
    return release;
  }
}

/** Sources and attributes that few rules name. */
const RARE = /"(also_bought|similar|trending|new|path|referrer|query|utm|hour|weekday)[".]/;

/** Whether a release takes what only some do. @param {Release} release */
function takesRarer({ rules, segments, lists, markets, visitors }) {
  const paged = lists.items.paged || lists.cards?.paged || visitors.paged;
  // Numbers beyond 2^53 have no JSON.
  const text = JSON.stringify([rules, segments], (_, value) => (typeof value === "object" ? value : `${value}`));
  return markets || paged || RARE.test(text);
}
