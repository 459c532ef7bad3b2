/** Looks up everything a shelf is made from, at once: rows of items, the visitor's, popular. */

import { visitorKey } from "./identity.js";

/**
 * @typedef {import("./decide.js").Visit} Visit
 * @typedef {import("./release.js").Release} Release
 * @typedef {import("./loader.js").Loader} Loader
 * @typedef {{table: import("./tables.js").ItemTable, number: number}} Found
 *
 * @typedef {object} History
 * @property {Found[]} recent known items of the session's last events, newest first
 * @property {Found|null} page the page's item
 * @property {import("./tables.js").VisitorRow|null} row
 * @property {import("./tables.js").PopularTable|null} popular
 * @property {string[]} segments
 */

/** What a set of contents and rules needs. @typedef {{items: boolean, visitor: boolean}} Needs */

/**
 * @param {Loader} loader
 * @param {Release} release
 * @param {Visit} visit
 * @param {Needs} needs
 * @param {boolean} fresh whether visitor rows may be used
 * @returns {Promise<History>}
 */
export async function lookUp(loader, release, visit, needs, fresh) {
  const personal = visit.consent.personalization;
  const newest = personal ? visit.session.events.slice(-release.serving.items).reverse() : [];
  const [recent, page, row, popular] = await Promise.all([
    needs.items ? Promise.all(newest.map(({ item }) => release.find(loader, item))) : [],
    needs.items && visit.page.item ? release.find(loader, visit.page.item) : null,
    needs.visitor && personal && fresh ? findRow(loader, release, visit) : null,
    needs.items ? release.popular(loader) : null,
  ]);
  return {
    recent: /** @type {Found[]} */ (recent.filter(Boolean)),
    page,
    row,
    popular,
    segments: row && row.segment >= 0 ? [release.segments[row.segment][0]] : [],
  };
}

/** @param {Loader} loader @param {Release} release @param {Visit} visit */
async function findRow(loader, release, visit) {
  for (const key of await keysOf(loader, release, visit)) {
    const row = key && (await release.visitor(loader, key));
    if (row) return row;
  }
  return null;
}

/** The user's row, else the device's. @param {Loader} loader @param {Release} release @param {Visit} visit */
async function keysOf({ platform, config }, release, visit) {
  if (visit.visitor) return [visit.visitor];
  const keys = [];
  if (visit.user) keys.push(await visitorKey(platform, config, release.keyId, `u:${visit.user}`));
  if (visit.device) keys.push(await visitorKey(platform, config, release.keyId, `a:${visit.device}`));
  return keys;
}
