/** One visit before one release: what is known of it, looked up when first asked for. */

import { attributesOf } from "./attributes.js";
import { findRecent, findRow } from "./history.js";
import { segmentNeeds, segmentsOf } from "./segments.js";
import { findClasses } from "./weights.js";

/**
 * @typedef {import("./loader.js").Loader} Loader
 * @typedef {import("./release.js").Release} Release
 * @typedef {import("./visit.js").Visit} Visit
 * @typedef {import("./history.js").Found} Found
 */

export class Scene {
  /**
   * @param {Loader} loader
   * @param {Release} release
   * @param {boolean} fresh whether the head is recent enough for visitor rows
   * @param {Visit} visit
   * @param {import("./render.js").Form} [form] of the markup wanted
   */
  constructor(loader, release, fresh, visit, form = "") {
    this.loader = loader;
    this.release = release;
    this.visit = visit;
    this.fresh = fresh;
    this.form = form;
    /** Each is undefined until it was looked up; `lookUp` says whether it has been. */
    /** @type {Found[]|undefined} known items of the session's last events, newest first */
    this.recent = undefined;
    /** @type {import("./tables.js").VisitorRow|null|undefined} */
    this.row = fresh ? undefined : null;
    /** @type {import("./tables.js").PopularTable|null|undefined} where memory or a stage has it */
    this.popular = undefined;
    /** @type {Found|null|undefined} the page's item */
    this.page = undefined;
    /** @type {string[]|undefined} */
    this.placed = undefined;
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
    if (needs.items) {
      loader.overlays?.askAhead(loader);
      this.recent ??= findRecent(loader, release, visit);
      // Not asked for until a stage wants it: most sessions' rows fill the shelf.
      this.popular ??= loader.resident(release.popularKey);
      if (this.page === undefined) {
        this.page = visit.page.item ? release.find(loader, visit.page.item) : null;
      }
    }
    if (needs.visitor && this.row === undefined) this.row = findRow(loader, release, visit);
    let ready = !needs.visitor || this.row !== undefined;
    if (needs.segments && !this.recent && segmentNeeds(release).items) {
      this.recent = findRecent(loader, release, visit);
      if (!this.recent) ready = false;
    }
    for (const weights of needs.weights) if (!findClasses(loader, weights)) ready = false;
    return ready && (!needs.items || (this.recent && this.page !== undefined));
  }

  /** Look up the popular items. Say whether they are there; if not, they are noted as missing. */
  lookUpPopular() {
    if (this.popular === undefined) this.popular = this.release.popular(this.loader);
    return this.popular !== undefined;
  }

  /** Go to another page, or to an element that names another item, of the same visit. @param {Visit["page"]} page */
  turnTo(page) {
    if (page.item !== this.visit.page.item) this.page = undefined;
    if (page !== this.visit.page) this.placed = undefined;
    this.visit.page = page;
  }

  /** The attributes that conditions ask for. @param {string[]} names */
  attributes(names) {
    return attributesOf(this, names);
  }
}
