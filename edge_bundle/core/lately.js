/**
 * Shelves made lately. A visitor's next page often shows what the last one did: the same session,
 * another page without a product, the same slot filled anew. Such a shelf is made once.
 */

/**
 * @typedef {import("./scene.js").Scene} Scene
 * @typedef {import("./recommend.js").Content} Content
 * @typedef {import("./cards.js").Card} Card
 *
 * @typedef {object} Made a shelf, and all that it was made from beside the release
 * @property {Card[]} cards
 * @property {string|null} source that gave the first
 * @property {Record<string, any>} html its markup by form, made on first use
 * @property {string} trail the session's events
 * @property {number} limit
 * @property {string} item the page's
 * @property {boolean} personal
 * @property {number} low the lower end of the key of the visitor's row, -1 for none
 * @property {string[]} segments
 * @property {string|null} country
 * @property {unknown} overlays
 *
 * @typedef {object} Kept shelves of one content
 * @property {boolean} placed whether they depend on segments
 * @property {boolean} abroad whether they depend on the country
 * @property {Map<string|number, Made>} shelves by the upper end of that key, else by the trail
 */

/** Shelves kept by a release, each a few kilobytes; with more, all are forgotten. */
const KEPT = 512;
/** A longer trail is not kept: a cookie's is 200 letters at most, a server's call may hold any. */
const LONGEST = 2000;

export class Lately {
  constructor() {
    /** @type {Map<Content, Kept>} */
    this.kept = new Map();
    this.count = 0;
  }

  /**
   * Return the shelf as it was made for the same visitor before, if nothing it depends on differs.
   * @param {Scene} scene @param {Content} content @param {number} limit @returns {Made|undefined}
   */
  recall(scene, content, limit) {
    const { visit, row, loader } = scene;
    const { trail } = visit.session;
    const kept = this.kept.get(content);
    const made = kept?.shelves.get(row ? row.high : trail);
    const same =
      made && made.trail === trail && made.limit === limit && made.item === visit.page.item &&
      made.personal === visit.consent.personalization && made.overlays === loader.overlays &&
      made.low === (row ? row.low : -1) &&
      (!kept?.abroad || made.country === scene.country) &&
      (!kept?.placed || alike(made.segments, scene.segments)) && !loader.preview;
    return same ? made : undefined;
  }

  /**
   * Keep a shelf, unless it lacks a value that the next request may have.
   * @param {Scene} scene @param {Content} content @param {number} limit
   * @param {{cards: Card[], source: string|null}} shelf @returns {Made}
   */
  keep(scene, content, limit, { cards, source }) {
    const { visit, row, loader, release } = scene;
    const kept = this.kept.get(content) ?? dependenceOf(content, release.markets);
    /** @type {Made} */
    const made = {
      cards,
      source,
      html: {},
      trail: visit.session.trail,
      limit,
      item: visit.page.item,
      personal: visit.consent.personalization,
      low: row ? row.low : -1,
      segments: kept.placed ? scene.segments : NONE,
      country: kept.abroad ? scene.country : null,
      overlays: loader.overlays,
    };
    if (loader.short || loader.preview || made.trail.length > LONGEST) return made;
    if (++this.count > KEPT) {
      this.kept.clear();
      kept.shelves.clear();
      this.count = 1;
    }
    this.kept.set(content, kept);
    kept.shelves.set(row ? row.high : made.trail, made);
    return made;
  }
}

/** @type {string[]} */
const NONE = [];

/** @param {Content} content @param {boolean} markets whether some have cards of their own @returns {Kept} */
function dependenceOf({ from }, markets) {
  const sources = from.flat().map(([source]) => source);
  const any = (/** @type {string[]} */ ...names) => names.some((name) => sources.includes(name));
  return {
    placed: any("segment", "popular_here"),
    abroad: markets || any("popular_here", "trending"),
    shelves: new Map(),
  };
}

/** @param {string[]} some @param {string[]} others */
function alike(some, others) {
  return some.length === others.length && some.every((one, i) => one === others[i]);
}
