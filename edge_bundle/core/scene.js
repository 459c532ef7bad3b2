/** One visit before one release: what is known of it, looked up when first asked for. */

import { attributesOf } from "./attributes.js";
import { findRecent, findRow } from "./history.js";
import { segmentNeeds, segmentsOf } from "./segments.js";

/**
 * @typedef {import("./loader.js").Loader} Loader
 * @typedef {import("./release.js").Release} Release
 * @typedef {import("./visit.js").Visit} Visit
 * @typedef {import("./history.js").Found} Found
 */

export class Scene {
  /** So that the shape is known for good: see loader.js. */
  static kept = new (/** @type {any} */ (this))();

  /**
   * @param {Loader} loader
   * @param {Release} release
   * @param {boolean} fresh whether the head is recent enough for visitor rows
   * @param {Visit} visit
   * @param {import("./render.js").Form|null} [form] of the markup wanted
   */
  constructor(loader, release, fresh, visit, form = null) {
    this.loader = loader;
    this.release = release;
    this.visit = visit;
    this.fresh = fresh;
    this.form = form;
    /** Each is undefined until it was looked up; `lookUp` says whether it has been. */
    /** @type {Found[]|undefined} known items of the session's last events, newest first */
    this.recent = undefined;
    /** @type {import("../extras/visitors.js").VisitorRow|null|undefined} */
    this.row = fresh ? undefined : null;
    /** @type {import("./tables.js").PopularTable|null|undefined} where memory or a stage has it */
    this.popular = undefined;
    /** @type {import("./tables.js").PopularTable|null|undefined} what is trending, what is new */
    this.latest = undefined;
    /** Other rows of the page's item, else of those in the cart. */
    /** @type {Record<string, import("../extras/sources.js").Related[]|undefined>} */
    this.related = {};
    /** @type {Found|null|undefined} the page's item */
    this.page = undefined;
    /** @type {string[]|undefined} */
    this.placed = undefined;
  }

  /** The visitor's, which a trusted caller may name. @returns {string|null} */
  get country() {
    return this.visit.given?.country ?? this.visit.facts.country;
  }

  /** Those a trusted caller or a preview names, else the row's or the session's. */
  get segments() {
    return (this.placed ??= segmentsOf(this));
  }

  /**
   * Look up what `needs` names. Say whether all of it is there; what is not is noted as missing.
   * @param {import("./needs.js").Needs} needs
   */
  lookUp(needs) {
    const { loader, release, visit } = this;
    let ready = this.lookUpVisitor(needs);
    if (needs.items) {
      loader.overlays?.askAhead(loader);
      this.recent ??= findRecent(loader, release, visit);
      // Not asked for until a stage wants it: most sessions' rows fill the shelf.
      this.popular ??= loader.resident(release.popularKey);
      if (this.page === undefined) {
        this.page = visit.page.item ? release.find(loader, visit.page.item) : null;
      }
      ready &&= this.recent !== undefined && this.page !== undefined;
    }
    for (const source of needs.first) if (!this.lookUpSource(source)) ready = false;
    for (const weights of needs.weights) if (release.weighing && !release.weighing.findClasses(loader, weights)) ready = false;
    return ready;
  }

  /** Look up what it takes to choose a slot's content, and to know its shelf again. @param {import("./needs.js").Needs} needs */
  lookUpVisitor(needs) {
    const { loader, release, visit } = this;
    if (needs.visitor && this.row === undefined) this.row = findRow(loader, release, visit);
    const recent = needs.recent || (needs.segments && segmentNeeds(release).items);
    if (recent) this.recent ??= findRecent(loader, release, visit);
    return !(needs.visitor && this.row === undefined) && !(recent && !this.recent);
  }

  /** Look up what a shelf's source reads beside neighbours. Say whether it is there; if not, it is noted as missing. @param {string} source */
  lookUpSource(source) {
    const { release, loader } = this;
    const listed = source === "segment" ? this.segments.length : source.startsWith("popular");
    if (listed && this.popular === undefined) this.popular = loader.table(release.popularKey, release.open.popular);
    if (listed && this.popular === undefined) return false;
    return !release.rarer || release.rarer.lookUpSource(this, source);
  }

  /** Go to another page, or to an element that names another item, of the same visit. @param {Visit["page"]} page */
  turnTo(page) {
    if (page.item !== this.visit.page.item) {
      this.page = undefined;
      this.related = {};
    }
    if (page !== this.visit.page) this.placed = undefined;
    this.visit.page = page;
  }

  /** The attributes that conditions ask for. @param {string[]} names */
  attributes(names) {
    return attributesOf(this, names);
  }
}
