/** Looks up everything a shelf is made from: rows of items, the visitor's, popular. */

import { visitorKey } from "./identity.js";

/**
 * @typedef {import("./visit.js").Visit} Visit
 * @typedef {import("./release.js").Release} Release
 * @typedef {import("./loader.js").Loader} Loader
 * @typedef {{table: import("./tables.js").ItemTable, number: number}} Found
 * @typedef {import("../extras/visitors.js").VisitorRow} VisitorRow
 * @typedef {import("./tables.js").PopularTable} PopularTable
 */

/**
 * Return the known items of the session's last events, newest first; undefined until all are
 * read.
 * @param {Loader} loader @param {Release} release @param {Visit} visit
 * @returns {Found[]|undefined}
 */
export function findRecent(loader, release, visit) {
  if (!visit.consent.personalization) return [];
  const { events } = visit.session;
  const last = Math.max(0, events.length - release.serving.items);
  const recent = [];
  let missing = false;
  for (let i = events.length - 1; i >= last; i--) {
    const found = release.find(loader, events[i].item);
    if (found) recent.push(found);
    else if (found === undefined) missing = true;
  }
  return missing ? undefined : recent;
}

/**
 * Return the user's row, else the device's, null for neither; undefined until it is read.
 * @param {Loader} loader @param {Release} release @param {Visit} visit
 * @returns {VisitorRow|null|undefined}
 */
export function findRow(loader, release, visit) {
  if (!visit.consent.personalization) return null;
  if (visit.visitor) return keptRow(loader, release, visit.visitor);
  const user = visit.user && rowOf(loader, release, `u:${visit.user}`);
  if (user === undefined || user) return user;
  // A device minted in this very request can have no row.
  return visit.device && !visit.isNew ? rowOf(loader, release, `a:${visit.device}`) : null;
}

/** @param {Loader} loader @param {Release} release @param {string} identifier */
function rowOf(loader, release, identifier) {
  const key = visitorKey(loader.config, release.keyId, identifier);
  return key ? keptRow(loader, release, key) : null;
}

/** The row of a visitor who was not erased. @param {Loader} loader @param {Release} release @param {{high: number, low: number}} key */
function keptRow(loader, release, key) {
  const row = release.visitor(loader, key);
  if (!loader.overlays) return row;
  const erased = loader.overlays.isErased(loader, release.keyId, key);
  // Undefined, until that is read, stays undefined.
  return erased === false ? row : erased && null;
}
