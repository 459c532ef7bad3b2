/** Lists of values that few releases have: a market's cards, and lists so long that they come in pages. */

import { core } from "./core.js";

const { PopularTable, keyOf, listOf, openTable } = core;

/**
 * @typedef {import("../core/loader.js").Loader} Loader
 * @typedef {import("../core/release.js").List} List
 * @typedef {import("../core/release.js").Release} Release
 */

/** Add what a manifest lists beside items and their cards: other rows of items, and markets' cards. @param {Release} release */
export function addLists({ body: { related, markets }, lists }) {
  for (const kind in related) lists[kind] = listOf("r", related[kind]);
  for (const name in markets) lists[`market:${name}`] = listOf("k", markets[name]);
}

/** @param {ArrayBuffer} buffer */
function openMarket(buffer) {
  return new PopularTable(openTable(buffer, "market"), buffer.byteLength);
}

/**
 * Return the table that may have another card of an item in the visitor's market; false where
 * there is none.
 * @param {import("../core/scene.js").Scene} scene @param {number} number
 * @returns {import("../core/tables.js").PopularTable|false|null|undefined}
 */
export function marketTable({ loader, release, country }, number) {
  const name = country && `market:${release.body.countries[country] ?? country}`;
  if (!name || !release.lists[name]) return false;
  const list = release.list(loader, name);
  const key = list && keyOf(list, number);
  return list ? !!key && loader.table(key, openMarket) : list;
}

/** How a page is opened, by the letter of the values it lists. */
const PAGES = { i: pageOpener("i"), c: pageOpener("c"), k: pageOpener("k"), r: pageOpener("r"), u: pageOpener("u") };

/** @param {string} prefix */
function pageOpener(prefix) {
  return (/** @type {ArrayBuffer} */ buffer) => ({
    bytes: 4 * buffer.byteLength,
    list: listOf(prefix, openTable(buffer, "index")),
  });
}

/** @param {List} list */
function openerOf({ prefix }) {
  return PAGES[/** @type {keyof typeof PAGES} */ (prefix)];
}

/** The page of a list that a number would stand in: undefined until it is read. @param {Loader} loader @param {List} list @param {number} number @returns {List|null|undefined} */
export function pageOf(loader, list, number) {
  const page = loader.table(keyOf(list, number), openerOf(list));
  return page ? page.list : page;
}

/**
 * Join a list's pages, once: undefined until all are read, null when one can't be had.
 * @param {Loader} loader @param {Release} release @param {string} name
 * @returns {List|null|undefined}
 */
export function wholeList(loader, release, name) {
  const list = release.lists[name];
  const pages = list.keys.map((key) => loader.table(key, openerOf(list)));
  if (pages.includes(undefined)) return undefined;
  if (pages.includes(null)) return null;
  const firsts = pages.flatMap(({ list }) => Array.from(/** @type {List} */ (list).firsts));
  const keys = pages.flatMap(({ list }) => /** @type {List} */ (list).keys);
  return (release.lists[name] = { firsts: Uint32Array.from(firsts), keys, paged: false, prefix: list.prefix });
}
